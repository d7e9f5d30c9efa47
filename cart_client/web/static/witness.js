// The page of a second look: made anew when a badge was read, when the server answered, or when the call is over. A figure that is
// being typed stays, for nothing of that changes what is on the page then.
"use strict";
(() => {
  const place = document.getElementById("afar");
  setInterval(async () => {
    try {
      const answer = await fetch(document.body.dataset.state, { cache: "no-store", signal: AbortSignal.timeout(2500) });
      const now = answer.ok ? await answer.json() : null;
      if (!now || now.afar.mark === place.dataset.mark) return;
      if (now.afar.mark) location.reload();
      else location.replace(document.body.dataset.home);
    } catch {
      // care.js says it when the program is gone.
    }
  }, 1000);
})();
