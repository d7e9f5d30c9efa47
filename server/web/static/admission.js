// The card's field is a form of its own, so that a reader's Enter reads the card and admits nobody. What was typed into the other form by
// then goes with it and comes back.
"use strict";
(() => {
  const card = document.querySelector("form.card-field");
  const arrival = document.querySelector("form[data-arrival]");
  if (!card || !arrival) return;
  card.addEventListener("submit", () => {
    card.querySelectorAll("input[data-typed]").forEach((one) => one.remove());
    new FormData(arrival).forEach((value, name) => {
      if (name === "csrf_token" || typeof value !== "string") return;
      const kept = document.createElement("input");
      kept.type = "hidden";
      kept.name = name;
      kept.value = value;
      kept.dataset.typed = "";
      // Before what the server put there: the first of a name counts.
      card.prepend(kept);
    });
  });
})();
