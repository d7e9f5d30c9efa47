// The kiosk's few moving things: the camera picture, the sound of a verdict, the PIN pad, and saying when the program is gone.
"use strict";
(() => {
  const main = () => document.getElementById("main");

  // Camera picture: the next is asked for when the last one came.
  let picture = "-";
  async function look() {
    const image = document.getElementById("picture");
    if (image) {
      try {
        const answer = await fetch("/picture.jpg?seen=" + picture, { cache: "no-store" });
        if (answer.status === 200) {
          picture = answer.headers.get("X-Picture") || "-";
          const url = URL.createObjectURL(await answer.blob());
          const old = image.dataset.url;
          image.src = url;
          image.dataset.url = url;
          if (old) URL.revokeObjectURL(old);
        }
      } catch { /* told below */ }
    } else {
      picture = "-";
    }
    setTimeout(look, 150);
  }

  // Verdict sounds, unlike any scanner's beep: two rising tones, three even ones, a long low alternation.
  const SOUNDS = {
    pass: [[660, 0.12, "sine"], [990, 0.22, "sine"]],
    attention: [[520, 0.14, "triangle"], [0, 0.08, "sine"], [520, 0.14, "triangle"], [0, 0.08, "sine"], [520, 0.14, "triangle"]],
    more: [[660, 0.09, "sine"]],
    stop: [[220, 0.28, "square"], [165, 0.28, "square"], [220, 0.28, "square"], [165, 0.5, "square"]],
  };
  let audio = null;
  let played = "";
  // Without a setting of its own a browser lets a page sound only after the first touch: that touch opens the sound for good.
  function awaken() {
    audio = audio || new AudioContext();
    if (audio.state !== "running") audio.resume();
  }
  ["pointerdown", "keydown"].forEach((touch) => document.addEventListener(touch, awaken, true));
  async function play(name) {
    const tones = SOUNDS[name];
    if (!tones) return;
    awaken();
    document.body.dataset.lastSound = name;
    // A sound that could not be made now must not come later, beside another verdict.
    await Promise.race([audio.resume(), new Promise((over) => setTimeout(over, 300))]);
    document.body.dataset.soundState = audio.state;
    if (audio.state !== "running") return;
    let at = audio.currentTime + 0.02;
    for (const [hertz, seconds, shape] of tones) {
      if (hertz) {
        const tone = audio.createOscillator();
        const level = audio.createGain();
        tone.type = shape;
        tone.frequency.value = hertz;
        level.gain.setValueAtTime(0.0001, at);
        level.gain.linearRampToValueAtTime(0.35, at + 0.015);
        level.gain.setValueAtTime(0.35, at + seconds - 0.02);
        level.gain.linearRampToValueAtTime(0.0001, at + seconds);
        tone.connect(level).connect(audio.destination);
        tone.start(at);
        tone.stop(at + seconds);
      }
      at += seconds;
    }
  }

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
    if (now.dataset.sound && key !== played) play(now.dataset.sound);
    played = key;
  }
  document.addEventListener("htmx:before:swap", remember);
  document.addEventListener("htmx:after:swap", settle);

  document.addEventListener("click", (event) => {
    const key = event.target.closest("[data-key]");
    if (!key) return;
    const field = key.closest("form").querySelector("[data-pin], [data-pad]");
    field.value = key.dataset.key === "C" ? field.value.slice(0, -1) : field.value + key.dataset.key;
  });

  // Escape takes back what was begun and not sent: the typed PIN, the opened form.
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    const pin = document.querySelector("#main [data-pin]");
    if (pin) pin.value = "";
    document.querySelectorAll("#main details[open]").forEach((d) => {
      d.open = false;
      d.querySelector("summary").focus();
    });
  });

  // A screen that does not change because nothing answers must not look alive.
  const STUCK_LOOKS = 6;
  let misses = 0;
  let at = "";
  let same = 0;
  setInterval(async () => {
    try {
      const answer = await fetch("/api/state", { cache: "no-store", signal: AbortSignal.timeout(2500) });
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
    if (!gone && !document.getElementById("gone").hidden) location.reload();
    document.getElementById("gone").hidden = !gone;
    if (main()) main().hidden = gone;
    const strip = document.getElementById("strip");
    if (strip) strip.hidden = gone;
  }, 1000);

  document.addEventListener("DOMContentLoaded", () => { settle(); look(); });
})();
