care-title = Cart maintenance
care-open = To do
care-late = Overdue
care-soon = Within 30 days
care-later = Later
care-filter-late = Overdue
care-filter-soon = Due within 30 days
care-none = Nothing is due here.
care-kind = Work
care-kind-battery = Battery replacement
care-kind-cleaning = Cleaning and disinfection
care-kind-inspection = Inspection
care-kind-calibration = Calibration
care-kind-other = Other work
care-due = Due
care-repeat = Repeats
care-once = once
care-every = { $n ->
    [one] every day
   *[other] every { $n } days
}
care-note = Note
care-report = Report
care-on = Done on
care-do = Done
care-drop = Will not be done
care-new = Plan work
care-plan = Plan
care-planned = Planned for cart { $cart }.
care-done = Written down as done.
care-done-next = Written down as done. Due again on { $day }.
care-dropped = Taken off the calendar.
care-history = Done before
care-by = by { $who }
care-was-dropped = not done: { $why }
care-asset = Asset
care-asset-tag = Asset tag
care-asset-serial = Serial number
care-asset-model = Model
care-asset-purchased-on = Purchased on
care-asset-warranty-until = Warranty until
care-asset-ward-home = Home ward
care-asset-note = Note
care-asset-kept = The asset facts are kept.
care-warranty-over = warranty is over
care-assets = Import assets from CSV
care-assets-text = A UTF-8 file, one cart a line, days as 2026-03-02. With a fault in one line none is written. Columns:
care-assets-csv = Download what is there
care-file = CSV file
care-import = Import
care-imported = { $n ->
    [one] { $n } cart was imported.
   *[other] { $n } carts were imported.
}
care-problems = Nothing was written: { $n ->
    [one] { $n } fault.
   *[other] { $n } faults.
}
care-line = Line { $n }
care-fault-kind = There is no such kind of work.
care-fault-day = This is no day. Write it as 2026-03-02.
care-fault-days = A number of days from 1 to 3660.
care-fault-cart = No such cart is known.
care-fault-cart-name = This is no name of a cart: 1 to 64 of A-Z a-z 0-9 _ -.
care-fault-done = It cannot have been done on that day.
care-fault-why = Say why.
care-fault-long = Too long.
care-fault-tag-taken = Another cart has this asset tag.
care-fault-twice = This cart stands in the file twice.
care-fault-file = The file is not CSV in UTF-8.
care-fault-file-head = The head of the file must have a column cart, and no column twice.
care-fault-file-large = The file is too large.
audited-cart-care-plan = Cart work planned
audited-cart-care-done = Cart work done
audited-cart-care-drop = Cart work dropped
audited-cart-asset-set = Asset facts of a cart changed
audited-cart-asset-import = Assets of carts imported
help-fleet-care-for = The work that carts need: what is due, what is overdue, who did it.
help-fleet-care-next =
    Do what is overdue first, then press Report.
    Work that repeats comes back by itself.
    Take the iCalendar file into your own calendar.
