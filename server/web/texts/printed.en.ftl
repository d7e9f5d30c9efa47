record-print = Medication record
record-from = From
record-days = Days
record-days-n = {$n ->
    [one] {$n} day
   *[other] {$n} days
}
record-show = Show
record-due = Ordered for
record-done = Done at
record-no-order = Without an order
record-nothing = Nothing was charted in this period.
record-empty = No order and nothing charted in this period.
record-cut = NOT COMPLETE: only the newest part is here. Choose fewer days.
paper-printed = Printed {$at} by {$by}
sheet-title = Downtime rounds sheet
sheet-text = Print it before the network or the power goes: the doses of the next 12 hours, by bed. When the system is back, chart every dose that was given.
sheet-valid = VALID UNTIL {$at}
sheet-warning = Orders that came after printing are not here. Always compare wristband, drug and allergies.
sheet-given = Given
sheet-sign = Time, signature
sheet-last = last {$at}
sheet-last-none = none on record
audited-view-print = Printout looked at
