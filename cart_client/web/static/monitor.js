"use strict";
// Beside each field that the cart's monitor knows: its newest value, which a press writes into the field. Recording stays a press of its own.
(() => {
  const EVERY_MS = 1000;
  let asking = false;
  const places = () => document.querySelectorAll("[data-monitor]");

  function show(place, told) {
    const button = place.querySelector("button");
    const here = told.values[place.dataset.monitor];
    const why = place.querySelector("[data-monitor-why]");
    button.hidden = !here;
    button.value = here ? here.value : "";
    // A name that changes each second must not be read out each second.
    if (here && button.textContent !== here.words) button.textContent = here.words;
    const words = here ? "" : told.fault;
    if (why.textContent !== words) why.textContent = words;
  }

  const none = { values: {}, fault: "" };
  setInterval(async () => {
    if (asking || !places().length || document.hidden) return;
    asking = true;
    let told = none;
    try {
      const answer = await fetch(document.body.dataset.monitorAt, { cache: "no-store", signal: AbortSignal.timeout(2500) });
      if (answer.ok) told = await answer.json();
    } catch { /* nothing is shown then */ }
    places().forEach((place) => show(place, told));
    asking = false;
  }, EVERY_MS);

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-monitor] button");
    if (!button || !button.value) return;
    const field = document.getElementById(button.dataset.field) || button.closest("form").querySelector("input[name=value]");
    field.value = button.value;
    field.dispatchEvent(new Event("input", { bubbles: true }));
    field.focus();
  });
})();
