// Says when a live section was last known to be right, and says it loudly when the server stops answering.
(function () {
  "use strict";
  var STALE_AFTER_MS = 20000;
  var lastAnswerAt = Date.now();

  // In the ward's time, as every other time on the page, whatever clock the browser keeps.
  function wallClock(at) {
    var zone = document.documentElement.dataset.zone;
    return new Intl.DateTimeFormat("en-GB", { timeZone: zone, hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" }).format(at);
  }
  function show() {
    var text = wallClock(new Date(lastAnswerAt));
    document.querySelectorAll("[data-live-clock]").forEach(function (el) { if (el.textContent !== text) { el.textContent = text; } });
    var stale = Date.now() - lastAnswerAt > STALE_AFTER_MS;
    document.querySelectorAll("[data-live-stale]").forEach(function (el) { el.hidden = !stale; });
    document.body.classList.toggle("is-stale", stale && document.querySelector("[data-live]") !== null);
  }
  document.addEventListener("htmx:after:request", function (event) {
    var response = event.detail && event.detail.ctx && event.detail.ctx.response;
    var status = response ? response.status : 0;
    if (status === 200 || status === 204 || status === 304) { lastAnswerAt = Date.now(); show(); }
    if (status === 401 || status === 403) { window.location.reload(); }
  });
  // An error page has no place inside a section: keep what is there, the stale notice says the rest.
  document.addEventListener("htmx:before:swap", function (event) {
    var response = event.detail && event.detail.ctx && event.detail.ctx.response;
    if (response && response.status !== 200) { event.preventDefault(); }
  });
  document.addEventListener("change", function (event) {
    var form = event.target.closest && event.target.closest("form[data-submit-on-change]");
    if (form) { form.requestSubmit(); }
  });
  document.addEventListener("click", function (event) {
    if (event.target.closest && event.target.closest("[data-print]")) { window.print(); }
  });
  // The menu's other entries close like any menu: by Escape, or by a press elsewhere.
  function closeMenu(except) {
    document.querySelectorAll("details.more-menu[open]").forEach(function (menu) { if (!menu.contains(except)) { menu.open = false; } });
  }
  document.addEventListener("click", function (event) { closeMenu(event.target); });
  document.addEventListener("keydown", function (event) {
    var menu = event.key === "Escape" ? document.querySelector("details.more-menu[open]") : null;
    if (menu) { menu.open = false; menu.querySelector("summary").focus(); }
  });
  // One press, one request: a second press of the same button must not send twice.
  document.addEventListener("submit", function (event) {
    var form = event.target;
    if (form.dataset.sent === "yes") { event.preventDefault(); return; }
    if (form.method === "post") {
      form.dataset.sent = "yes";
      window.setTimeout(function () { form.dataset.sent = ""; }, 5000);
    }
  });
  window.addEventListener("pageshow", function () {
    document.querySelectorAll("form[data-sent]").forEach(function (form) { form.dataset.sent = ""; });
  });
  document.addEventListener("DOMContentLoaded", function () {
    var focus = document.querySelector("[data-focus]");
    if (focus) { focus.focus({ preventScroll: false }); }
    show();
    window.setInterval(show, 1000);
  });
})();
