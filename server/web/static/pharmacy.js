// The pharmacist's pages by keyboard. A key only leads to a place or a button: what changes something is always a second press.
(function () {
  "use strict";
  var typing = "input, textarea, select, [contenteditable]";

  function current() { return document.querySelector(".queue a[aria-current]"); }
  function links() { return Array.prototype.slice.call(document.querySelectorAll(".queue a")); }
  function keyed(name) {
    return document.querySelector('[data-key="' + name + '"]');
  }
  // The order that is chosen is the one that is shown: what a key acts on is what stands beside.
  function move(step, fromList) {
    var all = links();
    if (!all.length) { return; }
    var here = all.indexOf(current());
    var next = here < 0 ? 0 : here + step;
    if (next < 0 || next >= all.length) { return; }
    window.location.assign(all[next].href + (fromList ? "#queue" : ""));
  }
  function row(step) {
    var all = Array.prototype.slice.call(document.querySelectorAll(".row-link"));
    if (!all.length) { return; }
    var here = all.indexOf(document.activeElement);
    var next = all[Math.max(0, Math.min(all.length - 1, here < 0 ? 0 : here + step))];
    next.focus();
  }
  function go(name) {
    var place = keyed(name);
    if (!place) { return; }
    if (place.dataset.open) { document.getElementById(place.dataset.open).showModal(); return; }
    if (place.tagName === "A") { window.location.assign(place.href); return; }
    place.focus();
    place.scrollIntoView({ block: "center" });
  }

  document.addEventListener("keydown", function (event) {
    var target = event.target;
    var inField = target.closest && target.closest(typing) !== null;
    if (event.isComposing || event.defaultPrevented) { return; }
    if (inField) {
      if (event.key === "Escape") { target.blur(); return; }
      if (event.key === "Enter" && event.ctrlKey && !event.repeat && target.form && target.closest("form[data-acts]")) {
        event.preventDefault();
        target.form.requestSubmit();
      }
      return;
    }
    if (event.ctrlKey || event.altKey || event.metaKey || event.repeat || document.querySelector("dialog[open]")) { return; }
    var inList = target.closest && target.closest(".queue, [data-list]") !== null;
    switch (event.key) {
      case "j": if (links().length) { move(1, false); } else { row(1); } break;
      case "k": if (links().length) { move(-1, false); } else { row(-1); } break;
      case "ArrowDown": if (!inList) { return; } if (links().length) { move(1, true); } else { row(1); } break;
      case "ArrowUp": if (!inList) { return; } if (links().length) { move(-1, true); } else { row(-1); } break;
      case "v": case "c": case "r": case "o": case "b": go(event.key); break;
      case "/": var find = document.querySelector("[data-find]"); if (!find) { return; } find.focus(); break;
      default: return;
    }
    event.preventDefault();
  });

  // What cannot be taken back is asked once more, with what it is about.
  var sure = new WeakSet();
  document.addEventListener("submit", function (event) {
    var form = event.target;
    var dialog = form.dataset.ask && document.getElementById(form.dataset.ask);
    if (!dialog || sure.has(form)) { return; }
    event.preventDefault();
    event.stopImmediatePropagation();
    var said = dialog.querySelector("[data-said]");
    if (said) { said.textContent = form.elements.text ? form.elements.text.value : ""; }
    dialog.returnValue = "";
    dialog.addEventListener("close", function () {
      if (dialog.returnValue === "yes") { sure.add(form); form.requestSubmit(); }
    }, { once: true });
    dialog.showModal();
  }, true);

  document.addEventListener("click", function (event) {
    var button = event.target.closest && event.target.closest("[data-open]");
    if (button) { document.getElementById(button.dataset.open).showModal(); }
    var lead = event.target.closest && event.target.closest("[data-go]");
    if (lead) { go(lead.dataset.go); }
    var all = event.target.closest && event.target.closest("[data-choose-all]");
    if (all) { document.querySelectorAll('input[name="order"]').forEach(function (box) { box.checked = true; }); count(); }
  });

  // Another person's decision, or a new version, is seen while this page is open.
  function look() {
    var shown = document.querySelector("[data-shown]");
    var now = document.querySelector("[data-now]");
    var note = document.querySelector("[data-stale-order]");
    if (!shown || !now || !note || shown.dataset.waits !== "yes") { return; }
    var stale = now.dataset.now !== shown.dataset.shown;
    note.hidden = !stale;
    document.querySelectorAll("form[data-acts] button, [data-act-bar] button").forEach(function (button) { button.disabled = stale; });
  }
  document.addEventListener("htmx:after:swap", look);
  document.addEventListener("htmx:after:settle", look);

  function count() {
    var place = document.querySelector("[data-chosen]");
    if (place) { place.textContent = document.querySelectorAll('input[name="order"]:checked').length; }
  }
  document.addEventListener("change", count);
  document.addEventListener("DOMContentLoaded", function () {
    count();
    document.querySelectorAll("[data-act-bar]").forEach(function (bar) { bar.hidden = false; });
    if (window.location.hash === "#queue" && current()) { current().focus({ preventScroll: false }); }
  });
})();
