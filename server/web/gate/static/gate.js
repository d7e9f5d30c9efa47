// Pairing: the code stands after the # of the address, which no server and no log ever sees, and is used by a press alone.
"use strict";
(() => {
  const page = document.body.dataset.page;

  async function cameByForeignLink() {
    // A strict cookie is kept back when another site or app led here; from this page it is sent.
    try {
      const answer = await fetch("/standing", { cache: "no-store", credentials: "same-origin" });
      if (answer.ok && (await answer.json()).paired) location.replace("/");
    } catch { /* the page says what to do */ }
  }

  function pairing() {
    const button = document.getElementById("pair");
    const told = document.getElementById("told");
    const say = (what) => { told.textContent = told.dataset[what]; told.hidden = false; };
    const token = location.hash.slice(1);
    // It must not stay in the history of the phone.
    history.replaceState(null, "", location.pathname);
    if (!window.isSecureContext) { button.disabled = true; say("insecure"); return; }
    if (!token) { button.disabled = true; say("none"); return; }
    button.addEventListener("click", async () => {
      button.disabled = true;
      told.hidden = true;
      try {
        const answer = await fetch("/pair", {
          method: "POST",
          credentials: "same-origin",
          headers: { "Content-Type": "application/json" },
          body: JSON.stringify({ token }),
          signal: AbortSignal.timeout(10000),
        });
        if (answer.ok) { location.replace("/"); return; }
        if (answer.status === 429) { say("hurry"); button.disabled = false; return; }
        say(answer.status >= 500 ? "lost" : "code");
        button.disabled = answer.status < 500;
      } catch {
        say("lost");
        button.disabled = false;
      }
    });
  }

  if (page === "pair") pairing();
  else if (page === "unpaired") cameByForeignLink();
  else if (page === "away") setTimeout(() => location.replace("/"), 4000);
})();
