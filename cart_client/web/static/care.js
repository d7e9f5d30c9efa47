// The pages beside the dose: running clocks, the number pad, one tap for one record, and saying when the cart's program or its main
// screen has something else to say.
"use strict";
(() => {
  const body = document.body;

  // Clocks count from what the cart's own clock said when the page was made, so that the browser's clock does not matter.
  const loaded = performance.now();
  const clocks = [...document.querySelectorAll("[data-since]")].map((place) => [place, Date.parse(place.dataset.at) - Date.parse(place.dataset.since)]);
  function tick() {
    for (const [place, before] of clocks) {
      const seconds = Math.max(0, Math.floor((before + performance.now() - loaded) / 1000));
      const two = (n) => String(n).padStart(2, "0");
      const hours = Math.floor(seconds / 3600);
      const minutes = Math.floor(seconds / 60) % 60;
      place.textContent = hours ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`;
    }
  }
  if (clocks.length) setInterval(tick, 500);

  // The pad writes into the field that was touched last.
  let field = null;
  document.addEventListener("focusin", (event) => {
    if (event.target.matches("input[data-pad]")) field = event.target;
  });
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-print]")) window.print();
    const key = event.target.closest("[data-key]");
    if (!key) return;
    field = field && field.isConnected ? field : document.querySelector("input[data-pad]");
    if (!field) return;
    const room = field.maxLength < 0 || field.value.length < field.maxLength;
    if (key.dataset.key === "C") field.value = field.value.slice(0, -1);
    else if (room) field.value += key.dataset.key;
    field.focus();
  });

  // One tap: a second one on the same button does nothing. The id in the form makes it one record anyway.
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!form.matches("[data-once]")) return;
    if (form.dataset.sent) {
      event.preventDefault();
      return;
    }
    form.dataset.sent = "1";
  });
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) location.reload();
  });

  // What names a patient does not stay on a screen that nobody is signed in to; what the main screen says is not missed behind a page.
  const gone = document.getElementById("gone");
  const changed = document.getElementById("changed");
  let misses = 0;
  setInterval(async () => {
    try {
      const answer = await fetch(body.dataset.state, { cache: "no-store", signal: AbortSignal.timeout(2500) });
      const now = answer.ok ? await answer.json() : null;
      misses = now ? 0 : misses + 1;
      if (now && (now.nurse || "") !== body.dataset.nurse) location.replace(body.dataset.home);
      if (now && changed) changed.hidden = String(now.moment) === body.dataset.moment;
    } catch {
      misses += 1;
    }
    gone.hidden = misses < 3;
    document.getElementById("main").classList.toggle("stale", misses >= 3);
  }, 1500);
})();
