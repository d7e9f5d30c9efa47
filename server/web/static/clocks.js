// Keeps the clock of each task right between two loads of the page: how long an answer may still take, or since when it is late.
(function () {
  "use strict";
  function words(seconds, tag) {
    var minutes = Math.floor(seconds / 60);
    if (minutes >= 48 * 60) { return tag.days.replace("{x}", String(Math.floor(minutes / 1440))); }
    if (minutes < 60) { return tag.minutes.replace("{x}", String(minutes)); }
    return tag.hours.replace("{h}", String(Math.floor(minutes / 60))).replace("{x}", String(minutes % 60));
  }
  function show() {
    var now = Date.now();
    document.querySelectorAll("[data-due-by]").forEach(function (tag) {
      var seconds = (new Date(tag.dataset.dueBy).getTime() - now) / 1000;
      var isLate = seconds <= 0;
      var text = (isLate ? tag.dataset.late : tag.dataset.left).replace("{x}", words(Math.abs(seconds), tag.dataset));
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
