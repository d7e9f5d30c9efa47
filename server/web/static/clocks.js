// Keeps the clock of each task right between two loads of the page: how long an answer may still take, or since when it is late.
(function () {
  "use strict";
  function words(seconds, days) {
    var minutes = Math.floor(seconds / 60);
    if (minutes >= 48 * 60) { return days.replace("{x}", String(Math.floor(minutes / 1440))); }
    return Math.floor(minutes / 60) + ":" + String(minutes % 60).padStart(2, "0");
  }
  function show() {
    var now = Date.now();
    document.querySelectorAll("[data-due-by]").forEach(function (tag) {
      var seconds = (new Date(tag.dataset.dueBy).getTime() - now) / 1000;
      var isLate = seconds <= 0;
      var text = (isLate ? tag.dataset.late : tag.dataset.left).replace("{x}", words(Math.abs(seconds), tag.dataset.days));
      var clock = tag.querySelector("[data-clock]");
      if (clock.textContent !== text) { clock.textContent = text; }
      tag.classList.toggle("overdue", isLate);
      tag.classList.toggle("upcoming", !isLate);
    });
  }
  show();
  window.setInterval(show, 1000);
  document.addEventListener("htmx:after:swap", show);
})();
