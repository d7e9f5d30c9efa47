# The quality page, the wall screen and the omission radar.
menu-quality = Quality
quality-text = Every figure is of a group, none of a person. Groups of fewer than {$people} people or {$doses} doses are not shown.
quality-counted = Last counted at {$at}.
quality-simulated = The days up to {$day} are simulated, to try the page; no record stands behind them.
quality-empty = No figures for this time
quality-empty-text = Figures are counted every few minutes from the doses that were recorded. Choose a longer time, or another ward.
quality-nothing = Nothing to show for this time.
quality-period = Time
quality-until = Up to the week of
quality-weeks = { $n ->
    [one] {$n} week
   *[other] {$n} weeks
}
quality-csv-all = All as CSV
quality-parts = Parts of this page
quality-how = How is this counted?
quality-withheld = not shown: the group is too small
quality-remark = Remark
quality-chart-of = Chart “{$name}”. The same figures are in the table below.
quality-target = bar of {$n}
quality-median = median
quality-week-of = Week of {$day}
quality-part-wards = Wards
quality-part-scan = Scanning
quality-part-omitted = Omissions and timing
quality-part-alerts = Alerts
quality-part-signs = Signs of workarounds
quality-part-time = Time
quality-signs-care = A sign is no proof: each can have a good reason. Use them to ask where the work gets stuck (codes that cannot be read, a cart that does not fit into the room, no network), not to look for somebody's fault.
quality-label-week = Week
quality-label-hour = Ordered hour
quality-label-word = Kind
quality-label-ward = Ward
quality-label-product = Drug
quality-label-rule = Rule
quality-label-reason = Reason
quality-label-sign = Sign
quality-col-n = Doses
quality-col-of = Out of
quality-col-percent = Share
quality-col-low = 95 % CI from
quality-col-high = to
quality-col-median = Median
quality-col-slow = 90 % below
quality-col-on-time = On time
quality-col-early = Early
quality-col-late = Late
quality-col-not-given = Not given
quality-col-omitted = Omitted
quality-col-signs = Signs per 100 doses
quality-col-heeded = Heeded
quality-col-open = Left open
quality-col-scan-out-n = Records
quality-col-wards-of = Doses
quality-col-wards-percent = Both scanned
quality-col-rules-n = Given all the same
quality-col-rules-of = Shown
quality-col-rules-percent = Given all the same, share
quality-col-levels-n = Heeded
quality-col-levels-of = Shown
quality-col-levels-percent = Heeded, share
quality-col-products-n = Not scanned
quality-col-signs-week-n = Signs
quality-col-signs-week-of = Doses
quality-col-signs-week-percent = Per 100 doses
quality-col-due-hour-of = Doses due
quality-col-omitted-week-of = Doses due
quality-col-times-of = Doses
quality-col-times-week-of = Doses
quality-row-both = Patient and drug scanned
quality-row-patient = Wristband scanned
quality-row-drug = Drug scanned
quality-row-charted = Doses given
quality-row-out-not-given = Out: not given, with a reason
quality-row-out-withdrawn = Out: record withdrawn as a mistake
quality-row-out-emergency = Out: emergency drug without an order
quality-row-out-downtime = Out: charted after cart or network was down
quality-row-out-no-code = Out: drug without a code on its unit
quality-row-due-on-time = On time
quality-row-due-early = Early
quality-row-due-late = Late
quality-row-due-not-given = Not given, with a reason
quality-row-due-omitted = Omitted: nobody charted anything
quality-row-level-warn = Warning (a tap)
quality-row-level-reason = Reason wanted
quality-row-level-witness = Second person wanted
quality-row-level-stop = Stop
quality-row-time-plain = Doses without an alert
quality-row-time-alert = Doses with an alert
quality-reason-unsaid = not said
quality-flag-wolf = cries wolf
quality-note-wolf = A rule is passed over almost every time. Look at its content and limits before reminding people of it.
quality-note-shift-up = The latest weeks are all above the median: something really changed, this is not chance.
quality-note-shift-down = The latest weeks are all below the median: something really changed, this is not chance.
quality-note-trend-up = The latest weeks only rise.
quality-note-trend-down = The latest weeks only fall.
quality-wards = Wards side by side
quality-scan-week = Patient and drug both scanned, by week
quality-scan-kind = Patient scanned, drug scanned, both
quality-scan-out = What is in, and what is out
quality-typed = Why something was typed
quality-products = Drugs that often could not be scanned
quality-omitted-week = Omitted doses, by week
quality-due-kind = What became of the doses that were due
quality-due-hour = Doses that were due, by ordered hour
quality-rules = Given in spite of an alert, by rule
quality-levels = Response to alerts
quality-signs = Signs of workarounds
quality-signs-week = Signs of workarounds, by week
quality-times = Time for one dose
quality-times-week = Time for one dose, by week
quality-how-wards = One line a ward, by name: no ranking. “Both scanned” is counted as in the part on scanning. “Omitted” and “late” are shares of the doses that were due. Two wards really differ only where their intervals do not overlap.
quality-how-scan-week = Numerator: doses whose wristband and drug code were both read by the machine before the dose was given. Denominator: every dose given at the bedside, but for what stands under “What is in, and what is out”. A number that was typed is never a scan. 95 % interval after Wilson. Bar of 95 % after Leapfrog. Weeks begin on Monday and go by the day of giving; the current one is not over.
quality-how-scan-kind = The same doses as in the chart by week. “Wristband scanned” has the drugs without a code on their unit too: the wristband can be scanned all the same.
quality-how-scan-out = In: every dose that was given, also where a code could not be read, a band was missing, the scanner failed or something was typed, for that is what can be mended. Out: doses not given; records withdrawn as mistakes; listed emergency drugs without an order; doses charted more than 15 minutes later with the reason network or battery and without any scan; drugs that the pharmacy has listed as having no code on their unit. Changing a rate, ending an infusion and charting an effect are no doses.
quality-how-typed = How often something was typed, by the reason that was given, out of the doses that count for the scan of the wristband. One dose can have two reasons.
quality-how-products = Doses of this drug given without a scan of the drug, out of all doses of it. At most 15 drugs, most doses first: the list from which the pharmacy puts labels on or enters codes.
quality-how-omitted-week = Numerator: doses whose window ended and that after 12 hours have no record at all, not even a reason. Denominator: all doses that were due: those charted (by the day of charting) and those omitted (by the day ordered). A dose that is charted later is no longer omitted.
quality-how-due-kind = “On time”: within the window of rule T1. “Early” and “late”: outside. “Not given”: with a coded reason. “Omitted”: see above. Drugs as needed have no time and are not in it.
quality-how-due-hour = Counted the same way, by the hour ordered in the ward's time. Hours with too few people or doses are not shown.
quality-how-rules = “Shown”: at the level of a warning or above, and the matter came to an end. “Given all the same”: the dose was then given. “Heeded”: it was stopped, given up or not given; where a second person is wanted, it is heeded when there was one. “Left open”: verified and then not taken, counted on neither side. The choice of an order (D8) and what asks for a reason alone (N1, P6, S1, S6) are questions, no alerts. “Cries wolf”: the lower end of the interval is above 80 %.
quality-how-levels = Of how often something was shown at each level, how often it was heeded. Counted as in the table by rule.
quality-how-signs = Each sign has its own denominator: the doses in which it could have been. The limits (3, 15 and 30 seconds) are local choices; they stand in the quality documentation. Some workarounds cannot be seen in any data.
quality-how-signs-week = All signs per 100 doses given; one dose can have several.
quality-how-times = From the first scan of the drug to the confirmation that it was taken, only where it was confirmed when it was given. Counted in classes, so a median is exact to its class. The time in which the patient takes the drug is in it.
quality-how-times-week = The median of doses without an alert, by week.
quality-sign-hasty = Confirmed less than 3 seconds after the scan
quality-sign-not-reviewed = Not given three times in a row, order unchanged
quality-sign-without-value = Drug with a hold value given without a measurement
quality-sign-witness-elsewhere = The witness was at another cart at that moment
quality-sign-old-order = Given by an old version of the order, though online
quality-sign-band-elsewhere = One band read at two carts at once
quality-sign-several-patients = Two patients less than 15 seconds apart
quality-sign-pack-again = One pack used for two doses
quality-sign-one-pack-for-several = One unit scanned twice for a dose of several
quality-sign-scanned-after = Scanned after the time it was given
quality-sign-alert-in-passing = Past an alert in less than 3 seconds
quality-sign-two-carts = One person at two carts at once
radar-title = About to be late
radar-text = Open doses, those that close first come first. Minutes count to the end of the dose's window.
radar-deaf = No cart of this ward tells anything now: doses that look open may have been given. Ask at the bedside.
radar-away = { $n ->
    [one] No contact with {$carts}: doses given there are not here yet.
   *[other] No contact with {$carts}: doses given there are not here yet.
}
radar-old = { $n ->
    [one] {$n} dose overdue for more than 12 hours: see the ward board
   *[other] {$n} doses overdue for more than 12 hours: see the ward board
}
radar-forecast = { $n ->
    [one] At the pace of the last half hour ({$pace} doses), {$n} dose would be late.
   *[other] At the pace of the last half hour ({$pace} doses), {$n} doses would be late.
}
radar-forecast-none = At the pace of the last half hour ({$pace} doses), none would be late.
radar-forecast-unknown = No dose was recorded in the last half hour: there is no forecast.
radar-doses = By bed
radar-calm = No dose is open or about to be due.
radar-opens = opens at {$at}
radar-last = somebody last at the bed: {$at}
radar-never = nobody recorded at the bed in the last three hours
radar-people = At work
radar-people-text = To know whom to ask. Nobody's work is counted.
radar-people-none = Nobody was seen at a cart in the last half hour.
radar-at-bed = at bed {$bed} now
radar-seen = seen at {$at}
radar-carts = Carts of the ward
radar-carts-none = No cart has been heard of in the last 24 hours.
radar-cart-on = in contact
radar-cart-away = no contact since {$at}
radar-unsent = { $n ->
    [one] {$n} record unsent
   *[other] {$n} records unsent
}
wall-title = Wall screen
wall-code-do = Charge nurse: open “Ward board › Wall screens” and type this code.
wall-code = Code
wall-code-why = Type it only when you yourself stand before this screen. The code opens nothing without the screen.
wall-stale = OLD PICTURE – this screen is no longer updated
wall-stale-since = Last at
wall-stale-do = Do not rely on it. Look at the list on the carts.
wall-noscript = This screen needs JavaScript to keep itself up to date.
wall-beds = Beds with open doses, most urgent first
wall-left = {$n} min left
wall-over = {$n} min over
wall-state-overdue = overdue
wall-state-pressing = late soon
wall-state-due = due
wall-open-at = {$cart} is there
wall-unvisited = not visited
wall-calm = No dose is waiting
wall-calm-of = { $n ->
    [one] {$n} patient in the ward
   *[other] {$n} patients in the ward
}
wall-more = { $n ->
    [one] and {$n} more bed
   *[other] and {$n} more beds
}
wall-overdue = Overdue
wall-pressing = Under 15 min left
wall-due = Due now
wall-unvisited-n = Beds not visited
wall-unknown = Times not known
wall-people = { $n ->
    [one] {$n} person at work
   *[other] {$n} people at work
}
wall-carts = {$n} of {$of} carts in contact
wall-forecast = { $n ->
    [one] At this pace {$n} dose will be late
   *[other] At this pace {$n} doses will be late
}
wall-as-wall = As a wall screen
wall-screens = Wall screens
wall-add = Let a screen in
wall-step-open = On the screen's own computer, open
wall-step-code = Stand before the screen and type the code that it shows. It comes in within {$n} minutes.
wall-add-warn = A screen sees the board of one ward and nothing else. Type no code that somebody reads to you over the telephone.
wall-label = Name of the screen
wall-label-eg = Nurses' station, 3rd floor
wall-let-in = Let in
wall-known = Screens
wall-none = There is no screen yet.
wall-seen = Last asked
wall-until = Until
wall-added = Let in by
wall-end = End
wall-end-one = End screen {$label}
wall-state-in = showing
wall-state-waits = waits for the screen
wall-state-missed = the screen did not come
wall-state-over = time is over
wall-state-ended = ended
wall-done-add = The code is taken. The screen shows the ward in a few seconds.
wall-done-end = The screen is ended and sees nothing of the ward any more.
audited-wall-let-in = Wall screen let in
audited-wall-came = Wall screen began to show a ward
audited-wall-end = Wall screen ended
audited-quality-rebuild = All quality figures counted anew
