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
    stop: [[220, 0.28, "square"], [165, 0.28, "square"], [220, 0.28, "square"], [165, 0.5, "square"]],
  };
  let audio = null;
  let played = "";
  function play(name) {
    const tones = SOUNDS[name];
    if (!tones) return;
    audio = audio || new AudioContext();
    audio.resume();
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
    document.body.dataset.lastSound = name;
  }

  // What was opened or typed stays when only other things on the screen changed.
  let kept = {};
  function remember() {
    kept = { moment: main() && main().dataset.moment, open: [], fields: [] };
    document.querySelectorAll("details[data-keep][open]").forEach((d) => kept.open.push(d.dataset.keep));
    document.querySelectorAll("#main form").forEach((form, i) => {
      for (const field of form.elements) {
        if (field.name && field.type !== "hidden" && field.value) kept.fields.push([i, field.name, field.value, field === document.activeElement]);
      }
    });
  }
  function settle() {
    const now = main();
    if (!now) return;
    if (kept.moment === now.dataset.moment) {
      kept.open.forEach((name) => document.querySelectorAll(`details[data-keep="${CSS.escape(name)}"]`).forEach((d) => { d.open = true; }));
      const forms = document.querySelectorAll("#main form");
      kept.fields.forEach(([i, name, value, focused]) => {
        const field = forms[i] && forms[i].elements.namedItem(name);
        if (field && "value" in field) {
          field.value = value;
          if (focused) field.focus();
        }
      });
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
    const field = key.closest("form").querySelector("[data-pin]");
    field.value = key.dataset.key === "C" ? field.value.slice(0, -1) : field.value + key.dataset.key;
  });

  // A screen that does not change because nothing answers must not look alive.
  let misses = 0;
  setInterval(async () => {
    try {
      const answer = await fetch("/api/state", { cache: "no-store", signal: AbortSignal.timeout(2500) });
      const now = answer.ok ? (await answer.json()).moment : null;
      // A page that could not be made must not leave an older verdict on the screen.
      misses = main() && String(now) === main().dataset.moment ? 0 : misses + 1;
    } catch {
      misses += 1;
    }
    const gone = misses >= 3;
    if (!gone && !document.getElementById("gone").hidden) location.reload();
    document.getElementById("gone").hidden = !gone;
    if (main()) main().hidden = gone;
  }, 1000);

  document.addEventListener("DOMContentLoaded", () => { settle(); look(); });
})();
