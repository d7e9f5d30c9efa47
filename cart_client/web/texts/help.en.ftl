# Help in place at the cart: what the screen asks for, what words and marks mean, which keys work.
help-key = Help for this screen (key ?)
help-title = Help
help-close = Close
help-failed = Help could not be fetched. The screen has not changed; try again.
help-for = What this screen is for
help-next = What to do next
help-marks = The marks on it
help-keys = Keys that work
help-chapter = Read on: { $chapter }
help-back = Back
help-other-language = This guide does not exist in your language yet.
help-phone = You are using a phone: scan with its own camera. Without network nothing is recorded.
help-key-help = opens this help
help-key-escape = closes the help; without help: clears the PIN being typed, closes what is open
help-key-tab = goes to the next button or field
help-key-enter = presses the button that is chosen
help-mark-overdue = its time has passed and nobody recorded anything
help-mark-due = its time has come, still inside its window
help-mark-waiting = the pharmacy has been told, and the drug is awaited
help-mark-upcoming = its time has not come
help-mark-given = recorded: the patient took it
help-mark-not-given = recorded: not given, with a reason
help-mark-in-progress = an infusion is running
help-mark-on-demand = only when the patient needs it
help-mark-open = verified, and nobody said whether it was taken: answer that first
help-mark-unknown = the order does not say when; ask the prescriber, the cart does not guess
help-tick-here = the record is safe on the cart, even without power
help-tick-server = the server has the record
help-tick-emr = the EMR has accepted it
help-idle-for = The cart waits for you to sign in. No patient is named on this screen.
help-idle-next =
    Hold your badge before the camera until a yellow frame shows.
    Cannot be read: open “Badge cannot be read” and type its number.
help-badge-for = Your badge was read. The PIN says that it is you.
help-badge-next =
    Type the PIN and press OK. Esc clears what was typed.
    Not your badge: press Cancel.
help-round-for = The patients by bed, and their doses of these hours.
help-round-next =
    Go to the bed with the most urgent dose and scan the patient's wristband.
    Touching a bed only shows it; to give a drug the wristband must be scanned.
    A dose that is NOT CONFIRMED: answer it before anything else.
help-look-for = You are looking at a patient whose wristband was not scanned. Nothing can be recorded here.
help-look-next =
    Scan this patient's wristband to begin.
    The arrow leads back to the list.
help-patient-for = The wristband opened this patient. These are the patient's orders.
help-patient-next =
    Read name, date of birth and allergies, and ask the patient.
    Scan each unit of the drug.
    It cannot be given: choose “Not given” at that order, and a reason.
help-drug-for = This drug could not be verified, so it may not be given yet.
help-drug-next =
    Start over and scan again. The same again: do not give it; call support.
help-concluded-for = What you did is recorded. Three marks say how far the record has come.
help-concluded-next =
    The first mark is enough: go on, also without network.
    Scan the next drug, or another patient's wristband.
    A mistake: open “Correct an entry made in error”.
help-act-for = You are about to record something about a dose that is there: stop, pause, remove or correct it.
help-act-next =
    Do it at the bed, then press to confirm.
    Not done: press the key that says so; nothing is recorded.
help-pass-for = Everything agrees: this drug, for this patient, now.
help-pass-next =
    Give it and watch the patient take it. Only then press CONFIRM.
    Not taken: choose “Not given” and a reason.
help-stop-for = This may not be given now. Nobody can override that at the bedside.
help-stop-next =
    Put the drug back. Read the line with the arrow →: it says what would have to change.
    In doubt ask the pharmacist or the prescriber. Closing this help does not change the verdict.
help-changed-for = Something changed after it was verified, and now it says STOP.
help-changed-next =
    Not given yet: put the drug back.
    The patient has taken it already: say exactly that on this screen.
help-warn-for = It may be given, but there is something to read first.
help-warn-next =
    Read all of it, then press “Read – go on”, or put the drug back.
help-reason-for = Something is not as ordered or not as usual. To give it all the same takes a reason.
help-reason-next =
    Read what the cart found. Mend it if you can.
    Giving it all the same: choose the true reason. A pharmacist reviews it.
help-witness-for = This drug needs a second person who checks by themselves.
help-witness-next =
    The second person holds their own badge and types their own PIN. Nobody lends a badge.
    Nobody there: put the drug back.
help-choose-for = More than one order matches this drug. The cart does not guess.
help-choose-next =
    Choose the order and the time that you are carrying out.
help-more-for = This dose needs more units.
help-more-next =
    Scan the next unit; one scan for each.
    Only a part is given: open that question and say why.
help-amount-for = The cart must know how much the patient really gets.
help-amount-next =
    Enter number and unit: 2.5 mg and 2,5 mg are both understood. 1.000 and 1,000 are not: they can be read in two ways.
    What is wasted is entered too, with a witness where one is asked for.
help-measure-for = A value must be measured before this drug is given.
help-measure-next =
    Measure now and enter what you measured. The cart judges again with it.
    It cannot be measured: say why.
help-rate-for = The cart must know the rate that you set, to compare it with the order.
help-rate-next =
    By drops: enter drops a minute and choose the set. By pump: enter the rate that the pump shows.
    Read it from the pump, not from the order.
help-blind-for = The second person works the figure out alone, without seeing the first one's.
help-blind-next =
    Work it out from the order and the label, then enter number and unit.
    The two differ: work it out again together.
help-count-for = Before a controlled drug is taken out, what is in the drawer is counted.
help-count-next =
    Count, then enter it. Do not enter what you think is right.
    It cannot be counted: choose a reason.
help-care-drugs-for = Today's medicines, to be shown to the patient or the family.
help-care-drugs-next =
    Show the screen, explain, then record the answer.
    A question: write it down and choose who will answer it.
help-care-vitals-for = Enter the vital signs that were just measured.
help-care-vitals-next =
    Enter what was measured; leave the rest empty.
    The cart asks again about a strange value: measure again before you tick it.
help-care-late-for = Chart a dose that was given before and could not be recorded then.
help-care-late-next =
    Choose the dose, when it was really given, how much, and why it is late.
    What happened is never refused; the cart says what you should know.
help-care-handover-for = Handover: what is still open at each bed.
help-care-handover-next =
    Read it together, answer the doses that are open, then give or take over.
help-care-emergencies-for = Begin the record of an anaphylaxis, or open one that is running.
help-care-emergencies-next =
    Treat the patient first. Touch the right bed to start the clock.
help-care-anaphylaxis-for = The course of an anaphylaxis, one touch at a time, with true times.
help-care-anaphylaxis-next =
    Treat first, record second. One touch for each step.
    The clocks show the last adrenaline and the last blood pressure.
    When it is over: end it and enter the outcome.
help-witness-call-for = A nurse at another cart needs you to check by yourself.
help-witness-call-next =
    Sign in with your own badge and PIN, then compare the order with the drug yourself.
    Not certain: decline, and say why. Closing this page is no consent.
help-care-skin-for = Record the result of a skin test, before the first dose of a drug that the hospital tests for.
help-care-skin-next =
    Choose the drug, when the test was made, then the result that you read now.
    Positive: do not give this drug, tell the prescriber. Doubtful: ask the prescriber first.
