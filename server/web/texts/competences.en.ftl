# The training log
menu-competences = Training and competences
competence-told = This log keeps nobody from a patient: what is missing is only said.
competence-cart = Use of the cart
competence-high-alert = High-alert medicines
competence-pump = Infusion and syringe pumps
competence-blood-controlled = Blood and controlled medicines
competence-downtime = Downtime procedure
competence-fleet = Running the fleet (simulated carts)
competence-is-held = Held
competence-is-soon = Ends soon
competence-is-expired = Expired
competence-is-missing = Missing
competence-passed = Passed
competence-not-passed = Not passed
competence-withdrawn = Entered in error, withdrawn
competence-corrected = (corrected)
competence-show-all = Everybody
competence-show-due = Missing or expired
competence-show-soon = Ends within 30 days
competence-all-wards = All wards
competence-nobody = Nobody.
competence-export = CSV
competence-at-cart = At the sign-in at a cart
competence-at-cart-warn = The cart says that a competence is missing or expired, once the hospital keeps this log. No dose is stopped.
competence-at-cart-off = Carts say nothing.
competence-choose-warn = Say it
competence-choose-off = Say nothing
competence-enter = Enter an assessment
competence-what = What
competence-result = Result
competence-held-on = Day
competence-valid = Valid until
competence-valid-help = Empty: for good. Counts for what was passed.
competence-for-good = for good
competence-assessor = Assessed by
competence-assessor-help = Empty: you.
competence-note = Note
competence-corrects = Corrects the entry
competence-corrects-none = none, this is a new one
competence-corrects-help = The old entry stays, struck out. A correction needs its reason as a note.
competence-not-own = Nobody enters their own: ask another charge nurse or an administrator.
competence-log = Entries
competence-none = No entry yet.
competence-own = My training
competence-saved = Entered.
competence-due = Training missing: { $n }
audited-competence-any = Training log
help-competences-for = Who was trained and assessed in what, and until when.
help-competences-next =
    Look first at what ends within 30 days, and at what is missing.
    Touch a name to enter an assessment.
    No dose is stopped because of this log.
help-competence-for = One person’s training and assessments.
help-competence-next =
    Enter what it was, the result, the day and until when it is valid.
    Where an entry was wrong, choose it to be corrected: it stays, struck out.
help-competence-own-for = What you were trained in, and until when.
help-competence-own-next =
    What is missing: ask your charge nurse for a day.
    A wrong entry: ask the charge nurse to correct it.
