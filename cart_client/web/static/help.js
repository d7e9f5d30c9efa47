// Help beside the screen: opened by its button or "?", closed by its button, Escape, or a press beside it, and by itself as soon as the
// screen has something else to say. It sends nothing and touches no form: what was begun is there when it is closed.
"use strict";
(() => {
  const button = document.querySelector("[data-help]");
  if (!button) return;
  let dialog = null;
  let about = "";
  let first = "";
  let asking = false;

  const moment = () => document.getElementById("main")?.dataset.moment || "";
  // What the main screen says is never hidden behind help: neither a new verdict nor that the page beside the dose is no longer alone.
  const spokeUp = () => {
    const changed = document.getElementById("changed");
    return moment() !== about || (changed && !changed.hidden);
  };

  function make() {
    dialog = document.createElement("dialog");
    dialog.className = "help-dialog";
    dialog.setAttribute("aria-labelledby", "help-heading");
    const header = document.createElement("header");
    const heading = document.createElement("h2");
    heading.id = "help-heading";
    heading.textContent = button.dataset.title;
    const close = document.createElement("button");
    close.type = "button";
    close.textContent = button.dataset.close;
    close.addEventListener("click", () => dialog.close());
    header.append(heading, close);
    const inside = document.createElement("div");
    inside.className = "help-text";
    dialog.append(header, inside);
    dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
    inside.addEventListener("click", async (event) => {
      const chapter = event.target.closest("[data-help-chapter]");
      if (event.target.closest("[data-help-back]")) show(first);
      if (chapter) show((await text(chapter.dataset.helpChapter)).html);
    });
    dialog.addEventListener("close", () => {
      const active = document.activeElement;
      if (!active || active === document.body) (document.querySelector("#main [autofocus]") || button).focus();
    });
    document.body.append(dialog);
  }
  function show(html) {
    const inside = dialog.querySelector(".help-text");
    if (html) inside.innerHTML = html;
    else inside.textContent = button.dataset.failed;
    dialog.scrollTop = 0;
  }
  async function text(address) {
    try {
      const answer = await fetch(address, { cache: "no-store", signal: AbortSignal.timeout(4000) });
      return answer.ok ? { html: await answer.text(), moment: answer.headers.get("X-Moment") } : { html: "" };
    } catch {
      return { html: "" };
    }
  }
  const styled = () => new Promise((done) => {
    if (document.querySelector("link[data-help-style]")) return done();
    const link = document.createElement("link");
    link.rel = "stylesheet";
    link.href = button.dataset.sheet;
    link.dataset.helpStyle = "";
    link.addEventListener("load", done);
    link.addEventListener("error", done);
    return document.head.append(link);
  });
  async function open() {
    if (asking || document.querySelector("dialog[open]")) return;
    asking = true;
    about = moment();
    const [found] = await Promise.all([text(button.dataset.help), styled()]);
    asking = false;
    // The screen went on while it was fetched: what it says now comes first.
    if (spokeUp() || (found.moment && moment() && found.moment !== moment())) return;
    if (!dialog) make();
    first = found.html;
    show(first);
    dialog.showModal();
    // On a phone it stands at the foot: the word of a verdict goes above it.
    const word = document.querySelector("#main .word");
    if (word && word.getBoundingClientRect().bottom > dialog.getBoundingClientRect().top && dialog.getBoundingClientRect().top > 0) word.scrollIntoView({ block: "start" });
  }

  button.addEventListener("click", open);
  const yieldScreen = () => { if (dialog && dialog.open && spokeUp()) dialog.close(); };
  document.addEventListener("htmx:after:swap", yieldScreen);
  setInterval(yieldScreen, 200);

  // Ahead of the screen's own keys, so that Escape takes back nothing of what stands beside the help. In a field for digits "?" is no text.
  window.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && dialog && dialog.open) {
      event.preventDefault();
      event.stopImmediatePropagation();
      dialog.close();
      return;
    }
    if (event.key !== "?" || event.ctrlKey || event.altKey || event.metaKey || event.isComposing || event.repeat) return;
    const field = event.target.closest && event.target.closest("input, textarea, select, [contenteditable]");
    if (field && !field.matches("[data-pin], [inputmode=numeric], [inputmode=decimal], [type=radio], [type=checkbox]")) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    open();
  }, true);
})();
