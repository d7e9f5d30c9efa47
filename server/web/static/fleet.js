// Which carts are chosen, across pages and while the list renews itself. What is chosen is sent with the form "fleet-bulk".
(function () {
  "use strict";
  var KEPT = "fleet-chosen";
  var panel = document.querySelector("[data-fleet-chosen]");
  if (!panel) { return; }
  var chosen = new Set();
  try { chosen = new Set(JSON.parse(window.sessionStorage.getItem(KEPT) || "[]")); } catch (error) { chosen = new Set(); }

  function boxes() { return Array.prototype.slice.call(document.querySelectorAll("[data-fleet-one]")); }
  function show() {
    var here = boxes();
    here.forEach(function (box) { box.checked = chosen.has(box.value); });
    var all = document.querySelector("[data-fleet-page]");
    if (all) {
      var marked = here.filter(function (box) { return box.checked; }).length;
      all.checked = here.length > 0 && marked === here.length;
      all.indeterminate = marked > 0 && marked < here.length;
    }
    panel.querySelector("[data-fleet-count]").textContent = String(chosen.size);
    panel.querySelector("[data-fleet-none]").hidden = chosen.size > 0;
    panel.querySelector("[data-fleet-clear]").hidden = chosen.size === 0;
    var form = document.getElementById("fleet-bulk");
    if (form) { form.hidden = chosen.size === 0; }
  }
  function keep() {
    try { window.sessionStorage.setItem(KEPT, JSON.stringify(Array.from(chosen))); } catch (error) { /* chosen on this page alone */ }
    show();
  }
  document.addEventListener("change", function (event) {
    var box = event.target;
    if (box.matches("[data-fleet-one]")) {
      if (box.checked) { chosen.add(box.value); } else { chosen.delete(box.value); }
      keep();
    } else if (box.matches("[data-fleet-page]")) {
      boxes().forEach(function (one) { if (box.checked) { chosen.add(one.value); } else { chosen.delete(one.value); } });
      keep();
    }
  });
  panel.querySelector("[data-fleet-clear]").addEventListener("click", function () { chosen.clear(); keep(); });
  // Those that are not on this page have no box here: they go along as fields of their own.
  document.addEventListener("submit", function (event) {
    var form = event.target;
    if (form.id !== "fleet-bulk") { return; }
    form.querySelectorAll("[data-fleet-away]").forEach(function (field) { field.remove(); });
    var here = new Set(boxes().map(function (box) { return box.value; }));
    chosen.forEach(function (cart) {
      if (here.has(cart)) { return; }
      var field = document.createElement("input");
      field.type = "hidden"; field.name = "cart"; field.value = cart; field.dataset.fleetAway = "";
      form.appendChild(field);
    });
  });
  document.addEventListener("htmx:after:swap", show);
  document.addEventListener("htmx:after:settle", show);
  show();
})();
