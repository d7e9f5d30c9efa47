# Reports of incidents at the cart
incident-link = Report
incident-title = Report an incident or a near miss
incident-told = Nobody is blamed. One touch on a kind sends it. The cart attaches patient, order and verdict.
incident-words = One line if there is time (not required)
incident-reached = Did it reach the patient?
incident-reached-no = No
incident-reached-yes = Yes
incident-reached-unknown = Not known
incident-anonymous = Do not show my name to colleagues
incident-what = What happened? Touch to send
incident-kind-wrong-patient = Wrong patient
incident-kind-wrong-drug = Wrong drug
incident-kind-wrong-dose = Wrong dose
incident-kind-wrong-time = Wrong time
incident-kind-omitted = Dose missed
incident-kind-wrong-route = Wrong route
incident-kind-wrong-rate = Wrong infusion rate
incident-kind-allergy = Allergy or known reaction
incident-kind-look-alike = Looks or sounds alike
incident-kind-label = Label, barcode or wristband
incident-kind-order = Order
incident-kind-device = Cart, scanner or software
incident-kind-workaround = Had to work around the system
incident-kind-other = Other
notice-incident-reported = The report is safe on the cart and is sent by itself. Thank you.
help-care-incident-for = Report an incident or a near miss in a few seconds.
help-care-incident-next =
    Touch what it was: that sends it. Copy no number.
    The patient comes first; a report may come later.
