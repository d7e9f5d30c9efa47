// Keeps a wall screen right: asks for the picture anew, counts minutes between two answers by the server's clock, and says over the whole
// picture when it is old. It goes on asking for ever: a server that comes back is found by itself.
(function () {
  "use strict";
  var STALE_AFTER_MS = 30000, GIVE_UP_MS = 8000;
  var main = document.querySelector("[data-wall]");
  if (!main) { return; }
  var everyMs = Number(main.dataset.askEveryS) * 1000;
  // A monotonic clock: a screen whose own clock is wrong, or set back, still knows how old its picture is.
  var answeredAt = performance.now(), serverAtMs = null, serverHeardAt = 0;

  function read() {
    var clock = main.querySelector("[data-now]");
    if (clock) { serverAtMs = Date.parse(clock.dataset.now); serverHeardAt = performance.now(); }
  }
  function nowMs() { return serverAtMs === null ? Date.now() : serverAtMs + (performance.now() - serverHeardAt); }
  function wallTime(ms, seconds) {
    var shape = { timeZone: document.documentElement.dataset.zone, hour: "2-digit", minute: "2-digit", hourCycle: "h23" };
    if (seconds) { shape.second = "2-digit"; }
    return new Intl.DateTimeFormat("en-GB", shape).format(new Date(ms));
  }
  function put(el, text) { if (el && el.textContent !== text) { el.textContent = text; } }
  function show() {
    var age = performance.now() - answeredAt, stale = age > STALE_AFTER_MS;
    document.querySelector("[data-stale]").hidden = !stale;
    document.body.classList.toggle("is-stale", stale);
    if (stale) { put(document.querySelector("[data-since]"), wallTime(nowMs() - age, true)); }
    if (serverAtMs === null) { return; }
    put(main.querySelector("[data-clock]"), wallTime(nowMs(), false));
    main.querySelectorAll("[data-closes-at]").forEach(function (el) {
      var minutes = Math.floor((Date.parse(el.dataset.closesAt) - nowMs()) / 60000);
      put(el, minutes >= 0 ? el.dataset.left.replace("{n}", String(minutes)) : el.dataset.over.replace("{n}", String(-minutes)));
    });
  }
  function ask() {
    var stop = new AbortController(), timer = window.setTimeout(function () { stop.abort(); }, GIVE_UP_MS);
    var address = new URL(window.location.href);
    address.searchParams.set("part", "live");
    fetch(address, { signal: stop.signal, cache: "no-store", credentials: "same-origin", redirect: "error" })
      .then(function (response) {
        var state = response.headers.get("X-Wall-State");
        if (response.status === 401 || response.status === 403) { window.location.reload(); return null; }
        // Whatever is not our own answer is none: a proxy's page must not stand on the wall.
        if (response.status !== 200 || !state) { return null; }
        if (state !== main.dataset.state) { window.location.reload(); return null; }
        return response.text();
      })
      .then(function (text) {
        if (text === null) { return; }
        main.innerHTML = text;
        answeredAt = performance.now();
        read();
        show();
      })
      .catch(function () { /* the next one asks again; the picture says how old it is */ })
      .finally(function () { window.clearTimeout(timer); window.setTimeout(ask, everyMs); });
  }
  read();
  show();
  window.setInterval(show, 1000);
  window.setTimeout(ask, everyMs);
})();
