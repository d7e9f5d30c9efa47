fleet-tab-alerts = Alerts
fleet-alerts-title = Alerts of the carts
fleet-alerts-critical = { $n } critical
fleet-alerts-warning = { $n ->
    [one] 1 warning
   *[other] { $n } warnings
}
fleet-alerts-by-state = State
fleet-alerts-by-severity = Severity
fleet-alerts-by-ward = Ward
fleet-alerts-by-code = Kind
fleet-alerts-state-open = open
fleet-alerts-state-snoozed = snoozed
fleet-alerts-state-resolved = resolved
fleet-alerts-no-filter = Clear filters
fleet-alerts-none = There are no alerts.
fleet-alerts-none-fit = No alert fits these filters.
fleet-alerts-found = { $n ->
    [one] 1 alert
   *[other] { $n } alerts
}
fleet-alerts-what = What
fleet-alerts-who = Looked after
fleet-alerts-from-cart = the cart says so
fleet-alerts-from-rule = by a rule
fleet-alerts-ended = ended { $at }
fleet-alerts-mine = I look after it
fleet-alerts-looked-after = { $who } looks after it since { $at }
fleet-alerts-quiet = Snoozed until { $at } ({ $who })
fleet-alerts-loud = End snooze
fleet-alerts-snooze = Snooze
fleet-alerts-snooze-for = For
fleet-alerts-hours = { $n ->
    [one] 1 hour
   *[other] { $n } hours
}
alert-acknowledged = Noted: you look after it.
alert-snoozed = The alert is snoozed.
alert-snooze-ended = The alert is no longer snoozed.
alert-fault-hours = Choose for how long, at most 30 days.
alert-fault-reason = Give a reason of at most 500 characters.
alert-battery-low = Battery low
alert-battery = Battery charge
alert-battery-health = Battery health
alert-battery-heat = Battery temperature
alert-camera-fault = Camera fault
alert-certificate-ends = Certificate ends soon
alert-certificate = Days left of the certificate
alert-chart-old = Old patient data on the cart
alert-chart-age = Age of the patient data on the cart
alert-clock-offset = The cart's clock is off
alert-clock = Clock offset
alert-disk-low = Disk nearly full
alert-journal-fault = The cart cannot write its journal
alert-mcu-down = Drawer controller not reached
alert-drawer-left-open = Drawer left open
alert-records-unsent = Records are not sent
alert-unsent = Records not sent
alert-offline = Cart not reached
alert-drift = Settings differ from those wanted
alert-own-alerts = Alerts that the cart raised itself
rules-title = Alert rules
rules-text = A rule compares what carts say with a level. The alert is set once the level was passed for long enough, and cleared only when the value is back past a second level, so that it does not come and go.
rules-none = There are no rules yet. Alerts that carts raise themselves are listed all the same.
rule-new = Add a rule
rule-name = Name of the rule
rule-measure = Measure
rule-choose = choose a measure
rule-beyond-above = above
rule-beyond-below = below
rule-unit-min = min
rule-unit-s = s
rule-unit-d = days
rule-unit-cel = °C
rule-set = Set at
rule-clear = Clear at
rule-clears = clears at { $level }
rule-hold = For at least (minutes)
rule-minutes = { $n } min
rule-every-ward = every ward
rule-channels = Sent by
rule-channels-text = Always shown on this page.
rule-channel-web = this page
rule-channel-email = e-mail
rule-channel-webhook = webhook
rule-channel-not-set-up = not set up on the server
rule-enabled = The rule is in use
rule-off = switched off
rule-kept = The rule is saved.
rule-removed = The rule is removed.
rule-remove = Remove the rule
rule-remove-text = The open alerts of this rule end with it.
rule-change-text = Saving ends the open alerts of this rule; they are judged anew by the new levels.
rule-fault-name = Give a name of at most 80 characters.
rule-fault-choose = Choose one of the list.
rule-fault-number = Write a number.
rule-fault-bounds = This level is outside of what the measure can be.
rule-fault-clear = The clearing level lies on the safe side of the setting level.
rule-fault-hold = Write whole minutes from 0 to 10080.
rule-fault-changed = Somebody changed this rule just now. Load the page again.
rule-fault-many = There are too many rules.
notices-title = What was sent
notices-none = Nothing was sent yet.
notices-given-up = { $n ->
    [one] 1 notice of alerts could not be sent.
   *[other] { $n } notices of alerts could not be sent.
}
notice-made = Made
notice-channel = By
notice-alerts = Alerts
notice-state = State
notice-state-waiting = waiting
notice-state-sent = sent
notice-state-given-up = not sent
notice-tries = tried { $n ->
    [one] once
   *[other] { $n } times
}
notice-send-again = Send again
notice-again = The notice is sent again.
audited-alert-rule-keep = Alert rule saved
audited-alert-rule-remove = Alert rule removed
audited-alert-snooze = Alert snoozed
audited-alert-acknowledge = Alert taken on
audited-alert-notice-again = Alert notice sent again
