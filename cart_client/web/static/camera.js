// The live picture, what is drawn over it, and what helps whoever holds a code. Codes and pixels come with each picture; words are the page's.
// A picture is shown and forgotten.
"use strict";
(() => {
  const EVERY_MS = 100;
  const SVG = "http://www.w3.org/2000/svg";
  const part = (id) => document.getElementById(id);
  let picture = "-";
  let drawn = "";
  let said = "";
  let asked = "";

  function made(kind, attributes) {
    const element = document.createElementNS(SVG, kind);
    Object.entries(attributes).forEach(([name, value]) => element.setAttribute(name, value));
    return element;
  }

  // Twice each: a dark casing under a bright line shows on light and dark alike.
  function line(place, kind, attributes, name) {
    place.append(made(kind, { ...attributes, class: "casing" }), made(kind, { ...attributes, class: name }));
  }

  function draw(place, seen) {
    place.setAttribute("viewBox", `0 0 ${seen.size[0] || 1} ${seen.size[1] || 1}`);
    place.replaceChildren();
    seen.read.forEach((points) => {
      line(place, "polygon", { points: points.map((point) => point.join(",")).join(" ") }, "read");
      const [xs, ys] = [points.map((point) => point[0]), points.map((point) => point[1])];
      const [x, y] = [(Math.min(...xs) + Math.max(...xs)) / 2, (Math.min(...ys) + Math.max(...ys)) / 2];
      const size = Math.max(seen.size[0] / 16, Math.min(Math.max(...xs) - Math.min(...xs), Math.max(...ys) - Math.min(...ys)) / 2);
      line(place, "path", { d: `M${x - size / 2} ${y}l${size / 3} ${size / 3}l${size / 1.5} ${-size / 1.2}` }, "read tick");
    });
    if (seen.place && !seen.read.length) {
      const [x, y, width, height] = seen.place;
      line(place, "rect", { x, y, width, height, rx: 12 }, "unread");
      if (seen.arrow !== null) {
        const size = seen.size[1] / 5;
        const turn = `translate(${seen.size[0] / 2} ${seen.size[1] / 2}) rotate(${seen.arrow})`;
        line(place, "path", { d: `M0 ${-size}L${size * 0.7} 0H${size * 0.3}V${size}H${-size * 0.3}V0H${-size * 0.7}Z`, transform: turn }, "arrow");
      }
    }
  }

  function tell(view, seen) {
    const words = (seen.advice && view.getAttribute("data-say-" + seen.advice)) || "";
    const place = part("advice");
    if (place.textContent !== words) place.textContent = words;
    place.hidden = !words;
    const aloud = words || (seen.read.length ? view.dataset.sayRead : "");
    if (aloud !== said) part("camera-said").textContent = said = aloud;
  }

  function take(told) {
    const view = document.querySelector("[data-camera]");
    const seen = JSON.parse(told);
    document.body.dataset.seen = seen.read.length ? "read" : seen.place ? "unread" : "";
    const main = part("main");
    // The screen has not what the cart knows by now: ask for it at once, once.
    if (main && String(seen.moment) !== main.dataset.moment && asked !== String(seen.moment)) {
      asked = String(seen.moment);
      if (window.htmx) window.htmx.trigger(main, "news");
    }
    if (!view) return;
    const place = part("drawn");
    const [, was] = told.split('"size"');
    if (was !== drawn || !place.hasAttribute("viewBox")) {
      drawn = was;
      draw(place, seen);
    }
    tell(view, seen);
  }

  // The next is asked for when the last one came. Nobody looks at a hidden page.
  async function look() {
    if (!document.hidden) {
      try {
        const image = part("picture");
        const answer = await fetch(document.body.dataset.picture + "?seen=" + (image && image.dataset.url ? picture : "-"), { cache: "no-store" });
        const now = part("picture");
        if (answer.status === 200 && now) {
          picture = answer.headers.get("X-Picture") || "-";
          const url = URL.createObjectURL(await answer.blob());
          const old = now.dataset.url;
          now.src = url;
          now.dataset.url = url;
          if (old) URL.revokeObjectURL(old);
        }
        const told = answer.headers.get("X-Outlook");
        if (told) take(told);
      } catch { /* kiosk.js says when the program is gone */ }
    }
    setTimeout(look, EVERY_MS);
  }

  document.addEventListener("DOMContentLoaded", look);
})();
