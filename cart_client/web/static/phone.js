// A phone as a cart's screen and camera: pictures are read here, what they showed is told to the cart, and every verdict comes back from it.
// Nothing is said to be recorded that the cart did not say, and a silence is said at once.
"use strict";
(() => {
  const panel = document.getElementById("phone");
  if (!panel) return;
  document.body.classList.add("on-phone");
  const part = (id) => document.getElementById(id);
  const main = () => document.getElementById("main");
  const said = (code) => panel.getAttribute("data-say-" + code) || "";
  const kept = {
    get: (key) => { try { return sessionStorage.getItem(key); } catch { return null; } },
    set: (key, value) => { try { value === null ? sessionStorage.removeItem(key) : sessionStorage.setItem(key, value); } catch { /* private mode */ } },
  };
  const pause = (ms) => new Promise((over) => setTimeout(over, ms));
  let stream = null;
  const show = (id, text) => {
    const place = part(id);
    if (place.textContent !== text) place.textContent = text;
    place.hidden = !text;
  };
  // What the screen asks to be held before the camera; it stands on the screen of a cart beside its picture.
  const asked = () => {
    const place = document.querySelector("#main .phone-ask");
    return (place && place.textContent.trim()) || (stream ? said("aim") : "");
  };
  const buzz = (pattern) => { if (navigator.vibrate) navigator.vibrate(pattern); };

  // --- camera -------------------------------------------------------------------------------------------------------------------
  const LONGEST_SIDE = 1280;
  const IDLE_MS = 120000;
  const PICTURE_MS = 90;
  const video = part("phone-video");
  const canvas = document.createElement("canvas");
  const brush = canvas.getContext("2d", { willReadFrequently: true });
  let worker = null;
  let working = false;
  let pictures = 0;
  let shown = null; // what the newest picture showed, not yet told
  let lastFresh = 0;
  let heldSince = 0;
  let wake = () => {};

  function trouble(code) { show("phone-trouble", code ? said(code) : ""); }

  function buttons() {
    part("phone-on").hidden = Boolean(stream);
    part("phone-off").hidden = !stream;
    panel.querySelector(".phone-view").hidden = !stream;
    show("phone-hint", asked());
    const track = stream && stream.getVideoTracks()[0];
    const able = track && track.getCapabilities ? track.getCapabilities() : {};
    part("phone-torch").hidden = !able.torch;
  }

  function decoder() {
    if (worker) return;
    worker = new Worker(panel.dataset.worker);
    worker.onerror = () => { trouble("no-decoder"); stop(); worker = null; };
    worker.onmessage = ({ data }) => {
      if (data.ready) return;
      working = false;
      if (data.broken) { trouble("no-decoder"); stop(); return; }
      pictures += 1;
      document.body.dataset.pictures = String(pictures);
      shown = data.symbols;
      if (!data.symbols.length) {
        heldSince = 0;
        show("phone-hint", data.unread ? said("closer") : asked());
      }
      wake();
    };
    const whole = (address) => new URL(address, location.href).href;
    worker.postMessage({ library: whole(panel.dataset.library), wasm: whole(panel.dataset.wasm) });
  }

  // Only what the person sees of the picture is searched: a code at the edge of the room is nobody's scan.
  function look() {
    if (!stream || working || document.hidden || video.readyState < 2 || !video.videoWidth) return;
    const box = video.getBoundingClientRect();
    if (!box.width || !box.height) return;
    const scale = Math.max(box.width / video.videoWidth, box.height / video.videoHeight);
    const [wide, high] = [Math.min(video.videoWidth, box.width / scale), Math.min(video.videoHeight, box.height / scale)];
    const smaller = Math.min(1, LONGEST_SIDE / Math.max(wide, high));
    canvas.width = Math.round(wide * smaller);
    canvas.height = Math.round(high * smaller);
    brush.drawImage(video, (video.videoWidth - wide) / 2, (video.videoHeight - high) / 2, wide, high, 0, 0, canvas.width, canvas.height);
    const pixels = brush.getImageData(0, 0, canvas.width, canvas.height).data.buffer;
    working = true;
    worker.postMessage({ pixels, width: canvas.width, height: canvas.height }, [pixels]);
  }

  async function start() {
    trouble("");
    if (!window.isSecureContext) return trouble("insecure");
    if (!navigator.mediaDevices || !navigator.mediaDevices.getUserMedia) return trouble("old-browser");
    if (stream) return undefined;
    part("phone-hint").dataset.stays = "1";
    show("phone-hint", said("starting"));
    try {
      stream = await navigator.mediaDevices.getUserMedia({
        audio: false,
        video: { facingMode: { ideal: "environment" }, width: { ideal: 1920 }, height: { ideal: 1080 } },
      });
    } catch (error) {
      delete part("phone-hint").dataset.stays;
      show("phone-hint", asked());
      const why = { NotAllowedError: "refused", SecurityError: "refused", NotFoundError: "no-camera", OverconstrainedError: "no-camera" };
      return trouble(why[error.name] || "busy");
    }
    stream.getVideoTracks()[0].addEventListener("ended", () => { stop(); trouble("busy"); });
    video.srcObject = stream;
    lastFresh = Date.now();
    kept.set("camera", "on");
    delete part("phone-hint").dataset.stays;
    buttons();
    try {
      await video.play();
      decoder();
    } catch { /* the picture stands still until the page is touched */ }
    return undefined;
  }

  function stop() {
    if (stream) stream.getTracks().forEach((track) => track.stop());
    stream = null;
    video.srcObject = null;
    shown = null;
    part("phone-torch").setAttribute("aria-pressed", "false");
    buttons();
  }

  part("phone-on").addEventListener("click", start);
  part("phone-off").addEventListener("click", () => { kept.set("camera", null); stop(); });
  part("phone-torch").addEventListener("click", async (event) => {
    const lit = event.currentTarget.getAttribute("aria-pressed") !== "true";
    try {
      await stream.getVideoTracks()[0].applyConstraints({ advanced: [{ torch: lit }] });
      event.target.closest("button").setAttribute("aria-pressed", String(lit));
    } catch { part("phone-torch").hidden = true; }
  });
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) stop();
    else if (kept.get("camera") === "on") start();
  });
  setInterval(() => {
    if (stream && Date.now() - lastFresh > IDLE_MS) { stop(); kept.set("camera", null); part("phone-hint").dataset.stays = "1"; show("phone-hint", said("paused")); }
    look();
  }, PICTURE_MS);

  // --- telling the cart ---------------------------------------------------------------------------------------------------------
  const ANSWER_MS = 2000;
  const BETWEEN_MS = 180;
  const QUIET_MS = 600;
  const page = Array.from(crypto.getRandomValues(new Uint8Array(18)), (byte) => byte.toString(16).padStart(2, "0")).join("");
  let number = 0;
  let beat = "";
  let over = false;

  function lost(code) {
    show("phone-lost", code ? said(code) : "");
    document.body.classList.toggle("cut-off", Boolean(code));
    if (main()) main().inert = Boolean(code);
  }

  // A new screen is a new element, and may come out of an answer that was on its way: dead from its first moment.
  new MutationObserver(() => {
    if (document.body.classList.contains("cut-off") && main()) main().inert = true;
  }).observe(document.body, { childList: true, subtree: true });

  async function tell() {
    // Without a picture since the last message this is a sign of life, and says nothing of what is held.
    const symbols = stream ? shown : null;
    shown = null;
    number += 1;
    const answer = await fetch(panel.dataset.seen, {
      method: "POST",
      cache: "no-store",
      credentials: "same-origin",
      headers: { "Content-Type": "application/json", "X-CSRFToken": panel.dataset.csrf },
      body: JSON.stringify({ page, number, beat, symbols }),
      signal: AbortSignal.timeout(ANSWER_MS),
    });
    if (answer.status === 403 || answer.headers.get("HX-Refresh")) { over = true; location.reload(); return; }
    if (answer.status >= 500) { lost("server-lost"); return; }
    const told = await answer.json();
    beat = told.beat || beat;
    lost("");
    if (told.why === "elsewhere") { over = true; stop(); trouble("elsewhere"); lost("elsewhere"); return; }
    if (!symbols || !symbols.length || told.why) return;
    if (told.fresh) {
      lastFresh = Date.now();
      heldSince = lastFresh;
      buzz(40);
      show("phone-hint", said("read"));
    } else if (heldSince && Date.now() - heldSince > 2500) {
      show("phone-hint", said("held"));
    } else if (!heldSince) {
      heldSince = Date.now();
    }
  }

  async function telling() {
    while (!over) {
      try {
        await tell();
      } catch {
        lost("lost");
        beat = "";
      }
      await pause(BETWEEN_MS);
      if (shown === null) await Promise.race([pause(QUIET_MS), new Promise((called) => { wake = called; })]);
    }
  }
  window.addEventListener("offline", () => lost("lost"));

  // --- a confirmation that got no answer: asked by its id, never sent again by itself ---------------------------------------------
  const SETTLED_MS = 3000;
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (!(form.getAttribute("action") || "").endsWith("/do/confirm")) return;
    const field = form.elements.namedItem("record_id");
    if (field && field.value) kept.set("confirmed", JSON.stringify({ id: field.value, at: Date.now() }));
  }, true);

  async function asking() {
    for (;;) {
      await pause(1000);
      let pending = null;
      try { pending = JSON.parse(kept.get("confirmed") || "null"); } catch { kept.set("confirmed", null); }
      if (!pending) continue;
      const waited = Date.now() - pending.at > SETTLED_MS;
      try {
        const answer = await fetch(panel.dataset.record + encodeURIComponent(pending.id), { cache: "no-store", signal: AbortSignal.timeout(ANSWER_MS) });
        if (!answer.ok) throw new Error(String(answer.status));
        const { record } = await answer.json();
        const settled = record === "recorded" || record === "not-given";
        if (!settled && !waited) continue;
        // What went as it should is on the screen already; only a doubt that was shown needs its end.
        if (settled && part("phone-doubt").hidden) { kept.set("confirmed", null); continue; }
        show("phone-doubt", said("was-" + record));
        part("phone-doubt").dataset.record = record;
        kept.set("confirmed", null);
        setTimeout(() => { if (!kept.get("confirmed")) show("phone-doubt", ""); }, 15000);
      } catch {
        part("phone-doubt").dataset.record = "asking";
        show("phone-doubt", said("asking"));
      }
    }
  }

  // --- what the hand feels: verdicts alone, unlike the tick of a scan -------------------------------------------------------------
  // Nothing is to be scanned while a PIN is typed or a dose is in the hand: the screen and the battery are for something else.
  const RESTS = ["state-badge", "state-giving", "state-counting", "state-awaiting-blind"];
  let resting = false;
  const FELT = { pass: [120], attention: [90, 80, 90], stop: [300, 120, 300, 120, 500] };
  let felt = "";
  setInterval(() => {
    const now = main();
    if (!now) return;
    document.body.classList.toggle("judged", now.classList.contains("face"));
    const rests = RESTS.some((state) => now.classList.contains(state));
    panel.hidden = rests;
    if (rests && stream) { resting = true; stop(); }
    if (!rests && resting) {
      resting = false;
      if (kept.get("camera") === "on" && !document.hidden) start();
    }
    if (!stream && !part("phone-hint").dataset.stays) show("phone-hint", asked());
    const key = now.dataset.sound + now.dataset.moment;
    if (now.dataset.sound && key !== felt && FELT[now.dataset.sound]) buzz(FELT[now.dataset.sound]);
    felt = key;
  }, 250);

  buttons();
  telling();
  asking();
  part("phone-on").disabled = false; // from here on a press does something
  if (kept.get("camera") === "on") start();
})();
