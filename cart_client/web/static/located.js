// Sounds while somebody looks for this cart, as loud as the screen is set; a screen that is muted stays silent.
"use strict";
(() => {
  let sounding = false;
  setInterval(async () => {
    const place = document.getElementById("located");
    if (!place || place.dataset.showing === "0" || sounding || !window.kioskSounds) return;
    sounding = true;
    try {
      await window.kioskSounds.play("located");
    } finally {
      sounding = false;
    }
  }, 2000);
})();
