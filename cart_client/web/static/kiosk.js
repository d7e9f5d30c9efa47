// The kiosk's few moving things: when a verdict sounds, the number pads, light and sound, and saying when the program is gone. The camera's
// picture is in camera.js.
"use strict";
(() => {
  const main = () => document.getElementById("main");

  let played = "";

  // What was opened or typed stays when only other things on the screen changed.
  let kept = {};
  // Which question a form asks: its place on the screen may change while somebody types.
  function question(form) {
    const hidden = [...form.querySelectorAll("input[type=hidden]")].filter((f) => f.name !== "csrf_token" && f.name !== "moment");
    return [form.getAttribute("action"), ...hidden.map((f) => f.name + "=" + f.value)].join("\n");
  }
  function remember() {
    kept = { moment: main() && main().dataset.moment, open: [], fields: [], top: window.scrollY };
    document.querySelectorAll("details[data-keep][open]").forEach((d) => kept.open.push(d.dataset.keep));
    document.querySelectorAll("#main form").forEach((form) => {
      for (const field of form.elements) {
        // A PIN that was sent is used up: what is typed next must not be added to it.
        if (!field.name || field.type === "hidden" || (form.dataset.sent && field.type === "password")) continue;
        if (field.type === "radio" && !field.checked) continue;
        const focused = field === document.activeElement;
        if (field.value || focused) kept.fields.push([question(form), field.name, field.value, focused]);
      }
    });
  }
  document.addEventListener("submit", (event) => { event.target.dataset.sent = "1"; }, true);
  function settle() {
    const now = main();
    if (!now) return;
    if (kept.moment === now.dataset.moment) {
      kept.open.forEach((name) => document.querySelectorAll(`details[data-keep="${CSS.escape(name)}"]`).forEach((d) => { d.open = true; }));
      const forms = [...document.querySelectorAll("#main form")];
      kept.fields.forEach(([asked, name, value, focused]) => {
        const form = forms.find((one) => question(one) === asked);
        const field = form && form.elements.namedItem(name);
        if (field && "value" in field) {
          if (field.type !== "submit") field.value = value;
          if (focused && field.focus) field.focus();
        }
      });
      const active = document.activeElement;
      if (!active || active === document.body) {
        const first = now.querySelector("[autofocus]");
        if (first) first.focus();
      }
      window.scrollTo(0, kept.top);
    } else {
      const first = now.querySelector("[autofocus]");
      if (first) first.focus();
      window.scrollTo(0, 0);
    }
    const key = now.dataset.sound + now.dataset.moment;
    if (now.dataset.sound && key !== played) window.kioskSounds.play(now.dataset.sound);
    played = key;
  }
  document.addEventListener("htmx:before:swap", remember);
  document.addEventListener("htmx:after:swap", settle);

  // The pad types into the field of its form that was touched last, else into the first.
  let touched = null;
  document.addEventListener("focusin", (event) => { if (event.target.matches("[data-pad]")) touched = event.target; });
  document.addEventListener("click", (event) => {
    const key = event.target.closest("[data-key], [data-unit]");
    if (!key) return;
    const form = key.closest("form");
    const field = touched && form.contains(touched) ? touched : form.querySelector("[data-pin], [data-pad]");
    if (key.dataset.unit) field.value = field.value.replace(/[^0-9.,]+$/, "").trim() + " " + key.dataset.unit;
    else field.value = key.dataset.key === "C" ? field.value.slice(0, -1).trimEnd() : field.value + key.dataset.key;
  });

  // Light and sound: told to this page at once, and kept by the browser for the next.
  const page = document.documentElement;
  function keep(name, value) {
    page.dataset[name] = value;
    document.querySelectorAll(`[data-settings] button[name="${name}"]`).forEach((one) => one.setAttribute("aria-pressed", String(one.value === value)));
    window.kioskSounds.told();
    const form = document.querySelector("[data-settings]");
    const body = new URLSearchParams({ csrf_token: form.elements.csrf_token.value, [name]: value });
    fetch(form.action, { method: "POST", body, headers: { Accept: "application/json" } }).catch(() => { /* it holds until the page is loaded anew */ });
  }
  document.addEventListener("submit", (event) => {
    if (!event.target.matches("[data-settings]")) return;
    event.preventDefault();
    if (event.submitter && event.submitter.name) keep(event.submitter.name, event.submitter.value);
    if (event.submitter && event.submitter.name === "volume") window.kioskSounds.play("pass");
  });
  let before = "normal";
  document.addEventListener("click", (event) => {
    const hear = event.target.closest("[data-hear]");
    if (hear) window.kioskSounds.play(hear.dataset.hear);
    if (event.target.closest("#sound")) {
      const is = window.kioskSounds.volume();
      // The touch itself opened a sound that was blocked: that must not mute it.
      if (document.getElementById("sound").dataset.was !== "blocked") keep("volume", is === "mute" ? before : "mute");
      if (is !== "mute") before = is;
    }
    const settings = document.querySelector(".settings[open]");
    if (settings && !settings.contains(event.target) && !event.target.closest(".languages")) settings.open = false;
  });
  ["pointerdown", "keydown"].forEach((touch) => document.addEventListener(touch, (event) => {
    const button = event.target.closest && event.target.closest("#sound");
    if (button) button.dataset.was = button.dataset.now;
  }, true));

  // Escape takes back what was begun and not sent: the typed PIN, the opened form.
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    const pin = document.querySelector("#main [data-pin]");
    if (pin) pin.value = "";
    document.querySelectorAll("#main details[open]:not(.by), .settings[open]").forEach((d) => {
      d.open = false;
      d.querySelector("summary").focus();
    });
  });

  // A screen that does not change because nothing answers must not look alive.
  const STUCK_LOOKS = 6;
  let misses = 0;
  let at = "";
  let same = 0;
  let good = Date.now();
  setInterval(async () => {
    try {
      const answer = await fetch(document.body.dataset.state, { cache: "no-store", signal: AbortSignal.timeout(2500) });
      const now = answer.ok ? await answer.json() : {};
      // The loop makes a picture every second: one that stays the same comes from a loop that hangs.
      same = now.at === at ? same + 1 : 0;
      at = now.at;
      // A page that could not be made must not leave an older verdict on the screen.
      misses = main() && String(now.moment) === main().dataset.moment && same < STUCK_LOOKS ? 0 : misses + 1;
    } catch {
      misses += 1;
    }
    const gone = misses >= 3;
    if (!misses) good = Date.now();
    document.getElementById("gone-since").textContent = new Date(good).toTimeString().slice(0, 8);
    if (!gone && !document.getElementById("gone").hidden) location.reload();
    document.getElementById("gone").hidden = !gone;
    // Of the whole page, so that a part which comes late is hidden too.
    document.body.classList.toggle("stale", gone);
  }, 1000);

  document.addEventListener("DOMContentLoaded", settle);
})();
