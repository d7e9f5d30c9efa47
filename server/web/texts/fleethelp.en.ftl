help-fleet-alerts-for = What is wrong with carts now, the worst first, and who has seen it.
help-fleet-alerts-next =
    Acknowledge what you are dealing with: your name stands beside it.
    Snooze what is known, with a reason and until when. It comes back by itself if it is still there.
help-fleet-alert-rules-for = When the server itself raises an alert, and whom it tells by e-mail or webhook.
help-fleet-alert-rules-next =
    The clearing level lies away from the raising one, so that an alert does not come and go.
    A message that could not be delivered stands below: look at the address, then send it again.
help-rollouts-for = Every roll-out of a release: where it stands, and which of them waits for a person.
help-rollouts-next = A roll-out that paused by itself names the reason. Open it before you resume it.
help-rollout-form-for = A new roll-out: which release, to which carts, in which waves, and when it must stop.
help-rollout-form-next =
    Look at the preview: it shows which carts fall into which wave before anything begins.
    Begin with a small wave that somebody can walk to.
help-rollout-for = One roll-out: each wave, each cart with the reason why it is not updated yet, and what failed.
help-rollout-next =
    After a wave, look at its carts before you approve the next one.
    Pause stops what has not begun. What is being written on a cart ends by itself, safely.
help-rollouts-of-cart-for = Every update that this cart was to have, each attempt, and what became of it.
help-rollouts-of-cart-next = An update that was taken back: open its roll-out and read why, before the cart gets the next one.
help-fleet-commands-of-cart-for = What this cart was asked to do, by whom, and what it confirmed.
help-fleet-commands-of-cart-next = "Outcome unknown" means that nobody knows: look at the cart before you ask again.
