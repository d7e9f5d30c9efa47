// The tones of a verdict. All lie far below a hand scanner's beep (2 to 4 kHz) and none is a single short tone, so that no reading of a code
// sounds like an answer: three that rise, two that fall, twice, and a long low alternation.
"use strict";
(() => {
  // [hertz, seconds, shape]; 0 hertz is a pause.
  const SOUNDS = {
    pass: [[523, 0.11, "sine"], [659, 0.11, "sine"], [784, 0.26, "sine"]],
    attention: [[587, 0.17, "triangle"], [440, 0.24, "triangle"], [0, 0.14, "sine"], [587, 0.17, "triangle"], [440, 0.24, "triangle"]],
    more: [[392, 0.07, "sine"], [0, 0.07, "sine"], [392, 0.07, "sine"]],
    located: [[392, 0.3, "sine"], [523, 0.3, "sine"], [392, 0.3, "sine"], [523, 0.3, "sine"]],
    stop: [[220, 0.28, "square"], [165, 0.28, "square"], [220, 0.28, "square"], [165, 0.5, "square"]],
  };
  const LEVELS = { mute: 0, low: 0.1, normal: 0.35, loud: 0.9 };
  const page = document.documentElement;
  let audio = null;

  const volume = () => (page.dataset.volume in LEVELS ? page.dataset.volume : "normal");

  // What the strip says of the sound: muted, blocked until the first touch, or as loud as it is set.
  function told() {
    const state = volume() === "mute" ? "mute" : audio && audio.state === "running" ? volume() : "blocked";
    document.body.dataset.soundState = audio ? audio.state : "none";
    const button = document.getElementById("sound");
    if (button && button.dataset.now !== state) {
      button.dataset.now = state;
      button.querySelector("span").textContent = button.dataset[state];
    }
  }

  // Without a setting of its own a browser lets a page sound only after the first touch: that touch opens the sound for good.
  function awaken() {
    if (!audio) {
      audio = new AudioContext();
      audio.addEventListener("statechange", told);
    }
    if (audio.state !== "running") audio.resume().catch(() => {});
    told();
  }

  function tones(context, name, level, from) {
    let at = from;
    for (const [hertz, seconds, shape] of SOUNDS[name]) {
      if (hertz && level) {
        const tone = context.createOscillator();
        const gain = context.createGain();
        tone.type = shape;
        tone.frequency.value = hertz;
        gain.gain.setValueAtTime(0.0001, at);
        gain.gain.linearRampToValueAtTime(level, at + 0.015);
        gain.gain.setValueAtTime(level, at + seconds - 0.02);
        gain.gain.linearRampToValueAtTime(0.0001, at + seconds);
        tone.connect(gain).connect(context.destination);
        tone.start(at);
        tone.stop(at + seconds);
      }
      at += seconds;
    }
    return at;
  }

  async function play(name) {
    if (!(name in SOUNDS)) return;
    awaken();
    document.body.dataset.lastSound = name;
    // A sound that could not be made now must not come later, beside another verdict.
    await Promise.race([audio.resume().catch(() => {}), new Promise((over) => setTimeout(over, 300))]);
    told();
    if (audio.state === "running") tones(audio, name, LEVELS[volume()], audio.currentTime + 0.02);
  }

  // The same tones as samples, for whoever wants to look at them.
  async function samples(name, rate = 8000) {
    const length = SOUNDS[name].reduce((sum, [, seconds]) => sum + seconds, 0);
    const context = new OfflineAudioContext(1, Math.ceil(length * rate), rate);
    tones(context, name, LEVELS[volume()], 0);
    return (await context.startRendering()).getChannelData(0);
  }

  window.kioskSounds = { SOUNDS, LEVELS, play, awaken, told, volume, samples };
  ["pointerdown", "keydown"].forEach((touch) => document.addEventListener(touch, awaken, true));
  document.addEventListener("DOMContentLoaded", awaken);
})();
