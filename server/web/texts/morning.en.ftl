morning-title = What else waits
morning-oldest = oldest {$age}
morning-overrides = Overrides
morning-discrepancies = Discrepancies
morning-dose-request = Missing doses
morning-unknown-barcode = Unknown barcodes
morning-label-trouble = Unreadable labels
keys-title = Keys
keys-next = the next order
keys-previous = the order before
keys-verify = to the button "Verify"; Enter presses it
keys-change = write a change request
keys-reject = write the reason for rejecting
keys-open = open the patient's record
keys-together = several orders of one ward together
keys-send = send what you have written
keys-leave = leave a field, so that keys work again
keys-help = show these keys
keys-text = Keys do nothing while you write in a field. None of them changes anything by itself. The arrows move while the list has the focus.
keys-close = Close
order-stale = This order was judged or changed by somebody else while the page was open. The buttons are off.
order-look-again = Look at it again
change-request = Ask for a change
change-request-to = Change request or question to the prescriber
reject-sure = Reject this order?
reject-back = Back
verify-reason = Why may it be given all the same? (needed)
verify-needs-reason = There is a finding at the level STOP. Write why the order may be given all the same, or ask for a change.
verify-patient-changed = What is known of the patient changed while the page was open: allergies, weight, other orders or findings. Look again, then decide.
beside-creatinine = Creatinine
beside-egfr = eGFR (CKD-EPI 2021)
beside-egfr-value = {$n} mL/min/1.73 m²
beside-clearance = Clearance (Cockcroft-Gault)
beside-clearance-value = {$n} mL/min
beside-low = reduced
beside-none = not measured
beside-age = {$age} old
findings-title = Findings for this order
findings-none = No finding: allergies, route, units, weight, other orders and the day's amount were looked at.
findings-risky = High-alert, controlled or to be checked by two: look with particular care.
concern-no-patient = The patient of this order could not be read.
concern-no-product = No product of the formulary fits: {$ingredient}, {$form}. What depends on the product could not be checked.
concern-same-ingredient = {$name} is ordered already: {$other}.
concern-same-class = Another drug of the class {$name} is ordered: {$other}.
concern-interaction-running = Interaction with {$name}, which runs now: {$other}.
concern-day-above = All orders together give {$total} of {$name} in 24 hours; the most is {$limit}.
concern-day-unknown = How much {$name} all orders together give in 24 hours could not be worked out; the most is {$limit}.
together-title = Several together
together-choose = Choose a ward
together-text = Only orders about which nothing at all is to be weighed: no finding, no question, no high-alert or controlled drug, a product that fits. Each is verified and written down for itself.
together-one-ward = Choose one ward. Orders of several wards are never verified together.
together-none = No waiting order of this ward is free of findings. Look at each one by itself.
together-ready = { $n ->
    [one] One order of {$ward} without findings
   *[other] {$n} orders of {$ward} without findings
  }
together-all = Choose all of them
together-will = These orders will be verified, each in your name:
together-sure = I have looked at each of the chosen orders
together-verify = Verify the chosen orders
together-rest = { $n ->
    [one] One order to look at by itself
   *[other] {$n} orders to look at by themselves
  }
together-rest-text = These are never verified together.
together-findings = { $n ->
    [one] one finding
   *[other] {$n} findings
  }
together-risky = high-alert or controlled
together-unclear = not clear
together-none-chosen = Choose at least one order.
together-not-sure = Tick that you have looked at each of them; nothing was verified.
together-done = { $n ->
    [one] One order is verified.
   *[other] {$n} orders are verified.
  }
together-comment = verified together with others
due-patients = Who is due for it
due-patients-text = Patients with a live order that this product fits, with the next dose. The carts stop the recalled lots; another lot may be given.
due-none = Nobody has a live order that this product fits.
due-next = Next dose
due-as-needed = as needed
recall-stops = Do the carts stop it?
recall-siblings = Other packs of this product
recall-siblings-text = This recall stops the barcode above alone. Is the lot on another pack too, recall it as well:
recall-also = Recall {$gtin} too
due-cut = The list is cut, the export too. Look at each ward as well.
