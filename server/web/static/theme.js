// Light or dark, as this screen was last told, else as the device asks. Runs before the page is painted; paper is always light.
(function () {
  "use strict";
  var KEY = "theme";
  var root = document.documentElement;
  var darkDevice = window.matchMedia("(prefers-color-scheme: dark)");

  function chosen() {
    try { return window.localStorage.getItem(KEY) || "device"; } catch (e) { return "device"; }
  }
  function show() {
    var wanted = chosen();
    root.dataset.bsTheme = wanted === "dark" || (wanted === "device" && darkDevice.matches) ? "dark" : "light";
  }
  show();
  darkDevice.addEventListener("change", show);
  window.addEventListener("storage", show);
  window.addEventListener("beforeprint", function () { root.dataset.bsTheme = "light"; });
  window.addEventListener("afterprint", show);
  document.addEventListener("DOMContentLoaded", function () {
    var choice = document.getElementById("theme");
    if (!choice) { return; }
    choice.value = chosen();
    choice.closest("[hidden]").hidden = false;
    choice.addEventListener("change", function () {
      try { window.localStorage.setItem(KEY, choice.value); } catch (e) { /* kept for this page only */ }
      root.dataset.bsTheme = choice.value === "device" ? root.dataset.bsTheme : choice.value;
      if (choice.value === "device") { show(); }
    });
  });
})();
