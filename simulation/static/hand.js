"use strict";
const page = document.querySelector("main[data-cart]");
if (page) {
  const say = (text) => { document.getElementById("status").textContent = text; };
  const press = (pressed) => document.querySelectorAll(".labels button").forEach(
    (button) => button.setAttribute("aria-pressed", button === pressed));
  let end = 0;
  const send = async (path, form) => {
    const answer = await fetch(`/${page.dataset.cart}/${path}`, {method: "POST", body: new URLSearchParams(form), headers: {Accept: "application/json"}});
    if (!answer.ok) throw new Error(answer.status);
  };
  const away = () => { press(null); say(page.dataset.nothing); };
  document.querySelectorAll("form").forEach((form) => form.addEventListener("submit", async (event) => {
    event.preventDefault();
    clearTimeout(end);
    const button = event.submitter;
    try {
      if (button && button.name === "item") {
        const seconds = new FormData(form).get("seconds") || "";
        await send("hold", {item: button.value, seconds});
        press(button);
        say(button.dataset.showing);
        if (seconds) end = setTimeout(away, Number(seconds) * 1000);
      } else {
        await send("clear", {});
        away();
      }
    } catch (error) { say(page.dataset.failed); }
  }));
}
