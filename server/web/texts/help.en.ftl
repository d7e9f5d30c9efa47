# Help in place: what a page is for, what to do next, what its marks mean, which keys work.
help = Help
help-key = Help for this page (key ?)
help-title = Help for this page
help-for = What this page is for
help-next = What to do next
help-marks = The marks on it
help-keys = Keys that work
help-close = Close help
help-failed = Help could not be fetched. The page below has not changed; try again.
help-chapter = Read in the guide: { $chapter }
help-guides = Guides
help-guides-text = Guides by task, without pictures; with pictures they stand in the documentation of the software.
help-contents = Chapters
help-other-language = This guide does not exist in your language yet, so it is shown in { $language }.
help-in-vi = Vietnamese
help-in-en = English
help-in-fr = French
help-key-help = opens this help
help-key-escape = closes this help, or a menu that is open
help-key-tab = goes to the next button or field; Shift + Tab goes back
help-key-enter = presses the button that is chosen
help-mark-overdue = its time has passed and nobody recorded anything. Ask at the bed before you conclude: a cart without network may have given it
help-mark-due = its time has come, and it is still inside its window
help-mark-upcoming = its time has not come
help-mark-given = a record says that the patient took it
help-mark-not-given = a record says that it was not given, with the reason
help-mark-in-progress = an infusion began and has not ended
help-mark-times-unknown = the order does not say when; the prescriber must make it clear, nothing is guessed
help-mark-allergies-unknown = nobody asked about allergies. That is not “no allergies”
help-mark-pending = no pharmacist has looked at it; carts say so at the dose
help-mark-verified = a pharmacist verified exactly this version
help-mark-queried = the pharmacist waits for the prescriber's answer
help-mark-rejected = the pharmacist rejected it, with a reason
help-mark-draft = no dose or no time can be worked out of it; the prescriber must mend it
help-mark-level-stop = at the bedside it will not be given
help-mark-level-witness = at the bedside a second person is needed
help-mark-level-reason = at the bedside a reason must be given
help-mark-level-warn = at the bedside it must be read, and takes one tap
help-mark-online = the cart answers
help-mark-silent = the cart does not answer; it goes on checking and recording, and sends later
help-mark-unsent = records that are still only on the cart. Bring it where the network is; do not wipe its disk
help-mark-battery-low = it needs its charger
help-mark-late = an answer is overdue
help-mark-as-of = the page keeps itself fresh; when the server does not answer, a red line says that it is no longer current
help-mark-sent = the EMR has it
help-mark-waits = on its way; it is tried again by itself
help-mark-parked = it is not sent again by itself: a person must look

help-start-for = The first page leads to the work of your role, with how much of it waits.
help-start-next =
    Press a tile that has a number: that is what waits for you.
    Other pages are in the menu above; those that are used seldom are under “More”.
help-sign-in-for = Sign in, so that it is known who does what. Everybody uses an account of their own.
help-sign-in-next =
    Enter user name and password and, when asked, the code from your own phone.
    After several mistakes you have to wait. Password forgotten: see an administrator.
help-account-for = Your account: password, second factor, recovery codes, and where you are signed in.
help-account-next =
    End any sign-in that you do not recognise.
    Keep the recovery codes in a safe place: you need them if you lose your phone.
help-pharmacy-for = Verify orders before the drug reaches the patient. The most urgent order stands first.
help-pharmacy-next =
    Read the patient, the allergies, the weight and kidneys, then the findings for this order.
    Verify, request a change, or reject. A finding at STOP needs a reason why it is right all the same.
    If the order has just changed, the page asks you to look again first.
help-together-for = Verify several orders of one ward at once. Only orders with nothing left to weigh are listed.
help-together-next =
    Look at each line; untick what you want to see by itself.
    Tick that you have looked, then verify. Each order is recorded under your name all the same.
help-ward-for = The whole ward by bed: what is overdue, due and given.
help-ward-next =
    Red beds first. Press a patient's name to see orders and what happened.
    Ask at the bed before you conclude that a dose was missed.
help-radar-for = Doses that run out of time, beds that nobody was at, and carts without contact.
help-radar-next =
    Begin at the top: what runs out first stands first.
    A cart without contact may have given the dose: ask whoever has it.
help-wall-for = A screen on the wall for the whole ward: which beds have a dose that is about to be late. It is for reading only.
help-wall-next =
    It shows a code: the charge nurse enters that code under “Ward board › Wall screens”.
    It shows a large yellow band: the picture is old. Do not rely on it; look at the ward board on another computer.
help-wall-screens-for = Let a wall screen into a ward, or cut it off.
help-wall-screens-next =
    Open the screen's address on its computer, read the code, and enter it here.
    A screen that is lost or moved: press End.
help-patients-for = Find a patient by name, number or bed.
help-patients-next =
    Type a few letters, then choose the right person: compare date of birth and number.
    Each record that you open is written down in the audit.
help-patient-for = All about one patient's medicines: allergies, orders, recorded doses, measurements.
help-patient-next =
    Compare name, date of birth and number at the top before you do anything.
    Enter a measurement, open the record for print, or place an order, as far as your role permits.
    A wrong record is never deleted: it is corrected, with a reason.
help-printed-for = The patient's medication record, to print and to file.
help-printed-next =
    Choose the period, then print it or save it as PDF from the browser.
    It says when it was printed: after that the record may differ.
help-sheet-for = A sheet of the whole ward for when the network is down: who gets what, and when.
help-sheet-next =
    Print it before a planned stop, and again when orders change.
    Write on it by hand; when the network is back, chart late at the cart.
help-admission-for = Admit patients without a feed from the EMR: arrival, wristbands, people whose identity is unknown.
help-admission-next =
    Search before you add, so that nobody gets two records.
    Print the wristband, put it on at once, and scan it once.
help-admit-for = Add a new patient to the ward.
help-admit-next =
    Scan the identity card or type; read name and date of birth back to the patient.
    Allergies: if nobody asked, leave them unknown; do not write that there are none.
help-unknown-for = Admit somebody whose identity is unknown, with a temporary number and a wristband.
help-unknown-next =
    Write what can be seen. The system gives a temporary name that nobody else has.
    When you know who it is: open this record and identify the person.
help-identify-for = Give the true identity to somebody who was admitted with a temporary number.
help-identify-next =
    Compare papers or ask the family, enter the data, then print a new wristband.
    If the person has a record already: merge the two instead.
help-newborn-for = Make a newborn's record from the mother's.
help-newborn-next =
    Twins and more: one record for each child, in the order of birth.
    Weigh the child and enter the weight: its doses are worked out from it.
help-identity-for = One patient's identity: photo, wristband, bed, transfer, discharge.
help-identity-next =
    A new wristband makes the old one invalid: cut the old one off.
    A move that is entered here is on the carts at once.
help-merge-for = Make one record of two that belong to the same person.
help-merge-next =
    Compare both sides line by line. Merge only when you are certain.
    A merge can be undone; that is recorded too.
help-prescriber-for = What waits for prescribers: pharmacists' questions, doses not given, verbal orders to confirm.
help-prescriber-next =
    Answer a question or change the order; the new version goes to pharmacy and carts at once.
    Mark the doses that were not given as seen.
help-transcription-for = Copy a paper or verbal order. It is a draft until a second person has compared it.
help-transcription-next =
    Choose who ordered it and when; read a verbal order back first.
    Ask a colleague to compare: nobody compares their own copy.
help-compare-for = Copied orders that wait for a second person with the paper in hand.
help-compare-next =
    Hold the paper and compare line by line: drug, dose, route, times.
    If one thing differs, do not confirm; write what is wrong.
help-order-for = Place or change one order.
help-order-next =
    Write the dose as number and unit: 2.5 mg and 2,5 mg are both understood; 1.000 and 1,000 are not, for they can be read in two ways.
    Read what is found before you save. A pharmacist verifies the order afterwards.
help-bedside-for = What carts recorded beside the dose: medicines shown, questions, handovers, anaphylaxis.
help-bedside-next =
    Choose a patient or an entry to see all of it in the order of time.
    A patient's question needs somebody's answer.
help-bedside-note-for = One entry exactly as the cart recorded it. Nobody can change it.
help-bedside-note-next =
    Medicines that were given are in the patient's medication record.
help-work-for = Everything that waits for a person's answer, by kind and by when it is due.
help-work-next =
    Late ones first. Your answer is on the nurse's cart at once.
    Overdue doses: close them with a reason, after asking at the bed.
help-review-for = What a person must look at: overrides, differences between cart and server, stopped doses.
help-review-next =
    Read what the cart saw and what the server saw; ask whoever recorded it.
    Resolve it with a reason. The record of the bedside is never changed.
help-rules-for = Every rule that a dose passes: what it looks at, what makes it pass, its source.
help-rules-next =
    Look for the number that stands beside each finding.
help-replay-for = A stored verdict, worked out again from the same facts, beside what it said then.
help-replay-next =
    Differences are marked: tell whoever looks after the software.
help-bags-for = Infusion bags and prepared drugs: to prepare, waiting, running.
help-bags-next =
    Choose an order to prepare, or scan a bag's code to find it.
    A bag that is too old is discarded, not given.
help-bag-for = One bag: what is in it, whose it is, when it must be used.
help-bag-next =
    Print the label and put it on this bag at once.
    Not to be found? Report it missing: whoever scans it later is stopped.
help-bag-form-for = Record that a bag is prepared for an order, and print its label.
help-bag-form-next =
    Enter lot and expiry of each drug, so that a recall finds the patient.
    Check whether this order has another bag already.
help-controlled-for = The register of controlled drugs: what went into each drawer, what came out, what is left.
help-controlled-next =
    A difference: count again with a second person, then answer it under “Work”.
    Enter what is filled in here, so that counts have something to stand on.
help-recalls-for = Recalled drugs: which lots must not be given any more.
help-recalls-next =
    Enter product code and lot exactly as on the pack. Every cart stops that lot.
    Open a recall to see who had it and who is due for it.
help-recall-for = One recall: who received the lot, who is due for it next, which wards have put it aside.
help-recall-next =
    Tell the prescribers of those who received it. Export the list if you need it.
help-emr-for = Records on their way to the EMR: accepted, waiting, held back.
help-emr-next =
    Held back: read why, mend the cause, send again. Sending again never makes a second record.
help-emergency-form-for = Open a record outside your reach in an emergency.
help-emergency-form-next =
    Write the true reason. The access ends by itself and is always reviewed.
    End it as soon as you have finished.
help-emergency-list-for = Emergency openings of records that wait for a review.
help-emergency-list-next =
    Read the reason and what was looked at, then say whether it was justified.
help-emergency-people-for = Who opened records in an emergency, and how often; no patient is named.
help-emergency-people-next =
    Somebody stands out: ask whether they lack a permission that they need.
help-ward-staff-for = Who works on the ward, who helps in this shift, who signed in at a cart of the ward.
help-ward-staff-next =
    Add who helps in this shift; the access ends with the shift.
    A name that you do not know: ask, and remove it if need be.
help-ward-own-for = Your wards, and taking on a ward that you were assigned to.
help-ward-own-next =
    Take on a ward to see its patients; that you did is recorded.
help-fleet-for = All carts: whether they answer, battery, software, records not sent yet.
help-fleet-next =
    A cart with unsent records: bring it where the network is. Do not wipe its disk.
    Press a cart's name for more.
help-cart-for = One cart: its state, the tables it holds, and whether its journal lacks a number.
help-cart-next =
    A missing number may be a lost record: check the cart and the paper.
help-machines-for = Which machines may come in, and their certificates.
help-machines-next =
    Compare the code on the cart with the one here before you accept it.
    A cart that is lost or sold: revoke it at once.
help-phones-for = Phones that stand in for a cart: pair them and cut them off.
help-phones-next =
    Write a name, let the phone scan the code within ten minutes, then pair it.
    A phone is lost: cut it off at once.
help-formulary-for = The list of drugs by which every cart knows a barcode.
help-formulary-next =
    Search by name or code. Open a product to edit it or to add a barcode.
help-product-for = One product: strength, routes, risk, barcodes, and the history of its changes.
help-product-next =
    Add a barcode only with the pack in your hand.
    Changes reach the carts with the next formulary.
help-product-form-for = Edit or add a product. What is wrong here is wrong at every bed.
help-product-form-next =
    Write the strength as number and unit, of one single unit.
    High-alert and controlled drugs need a second person.
help-barcodes-for = Barcodes that stopped a dose because carts do not know them.
help-barcodes-next =
    What stopped most doses stands first: open that one.
help-barcode-for = One unknown barcode: which drug it is, or that it is none of ours.
help-barcode-next =
    Hold the pack; compare name, strength, form and route; then match it.
    High-alert drugs: another pharmacist confirms.
help-policy-for = The hospital's policy: the limits, windows and rules that it chose.
help-policy-next =
    Look at the last 30 days before a change: which doses would have been judged otherwise.
    One person writes, another approves, then it is put into force.
help-policy-form-for = Write a new version of the policy.
help-policy-form-next =
    Each value needs its source. Saving changes nothing until somebody else approves.
help-import-for = Bring in data from files: patients, staff, products, orders.
help-import-next =
    Choose a file: it is checked and shown first, nothing is written.
    Read the faulty lines, then confirm or mend the file.
help-staff-for = Members of staff, their roles and badges.
help-staff-next =
    Somebody leaves: end the account on the same day.
    A phone is lost: reset the second factor once you know who asks.
help-staff-form-for = Edit or add a member of staff.
help-staff-form-next =
    Give only the roles that the work needs. Every change is audited.
help-audit-for = The audit: who looked at what, who changed what, and when. Nobody can change it.
help-audit-next =
    Filter by person, patient or day. In doubt, verify the seals.
help-checkpoint-for = The newest seal of the audit, to be kept elsewhere.
help-checkpoint-next =
    Print it or save it outside the system: later it proves that the audit was not changed.
help-rejected-for = Messages that the server did not take, with the reason.
help-rejected-next =
    The same reason again and again from one cart: check its software and its clock.
help-quality-for = Figures about quality, of groups and never of a person.
help-quality-next =
    Choose ward and period. Use the signs of workarounds to ask where work is stuck.
    Open “How is this counted?” before you conclude anything.
help-fault-for = This page could not be opened as asked. Nothing was changed by that.
help-fault-next =
    Read the line that says what to do, or go back to the first page.
    If you had just sent a form: open the page again and see whether it was recorded.
help-guide-for = A guide by task.
help-guide-next =
    Choose a chapter from the list. Words in bold stand on the screen.
help-labels-for = Labels that the hospital prints for single units: which batches are printed, in use, or withdrawn.
help-labels-next =
    Look for the code of a label, or open a batch.
    Printed by mistake: withdraw it at once. Carts stop a label that was withdrawn, also without network.
help-label-form-for = Print labels for single units, so that they can be scanned at the bedside.
help-label-form-next =
    Enter drug, lot, expiry and number exactly as on the pack in your hand.
    A second person checks them before they are used, where the page asks for it.
help-label-for = One batch of labels: of which drug, how many, who printed them, who checked them.
help-label-next =
    Print it or fetch the file, put each label on its own unit, and destroy what is left over.
    Spoilt or left over: say so here, so that nobody uses it later.
