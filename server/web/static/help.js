// Help for the page that is shown, by its button or by "?": fetched when it is asked for, beside the page, which stays as it is.
(function () {
  "use strict";
  var button = document.querySelector("[data-help]");
  if (!button) { return; }
  var dialog = null, timer = 0, asking = false;
  // What a wall screen shows must not stay covered.
  var closesAfterMs = Number(button.dataset.helpCloses || 0) * 1000;

  function make() {
    dialog = document.createElement("dialog");
    dialog.className = "help-dialog";
    dialog.setAttribute("aria-labelledby", "help-heading");
    var header = document.createElement("header"), heading = document.createElement("h2"), close = document.createElement("button");
    heading.id = "help-heading";
    heading.textContent = button.dataset.title;
    close.type = "button";
    close.className = "btn btn-outline-secondary";
    close.textContent = button.dataset.close;
    close.addEventListener("click", function () { dialog.close(); });
    header.append(heading, close);
    var inside = document.createElement("div");
    inside.className = "help-text";
    dialog.append(header, inside);
    // A press beside it closes it, as it does with a menu.
    dialog.addEventListener("click", function (event) { if (event.target === dialog) { dialog.close(); } });
    dialog.addEventListener("close", function () { window.clearTimeout(timer); button.focus(); });
    document.body.append(dialog);
  }
  function styled() {
    if (document.querySelector("link[data-help-style]")) { return Promise.resolve(); }
    return new Promise(function (done) {
      var link = document.createElement("link");
      link.rel = "stylesheet";
      link.href = button.dataset.sheet;
      link.dataset.helpStyle = "";
      link.addEventListener("load", done);
      link.addEventListener("error", done);
      document.head.append(link);
    });
  }
  function open() {
    if (asking || document.querySelector("dialog[open]")) { return; }
    asking = true;
    var address = new URL(button.dataset.help, window.location.href);
    address.searchParams.set("part", "help");
    var text = fetch(address, { credentials: "same-origin", cache: "no-store" })
      .then(function (answer) { if (!answer.ok) { throw new Error(String(answer.status)); } return answer.text(); })
      .catch(function () { return null; });
    Promise.all([text, styled()]).then(function (found) {
      asking = false;
      if (!dialog) { make(); }
      var inside = dialog.querySelector(".help-text");
      if (found[0] === null) { inside.textContent = button.dataset.failed; } else { inside.innerHTML = found[0]; }
      dialog.showModal();
      dialog.scrollTop = 0;
      if (closesAfterMs) { timer = window.setTimeout(function () { dialog.close(); }, closesAfterMs); }
    });
  }
  button.addEventListener("click", function (event) {
    if (event.ctrlKey || event.metaKey || event.shiftKey) { return; }
    event.preventDefault();
    open();
  });
  document.addEventListener("keydown", function (event) {
    if (event.key !== "?" || event.ctrlKey || event.altKey || event.metaKey || event.isComposing || event.repeat) { return; }
    if (event.target.closest && event.target.closest("input, textarea, select, [contenteditable]")) { return; }
    event.preventDefault();
    open();
  });
})();
