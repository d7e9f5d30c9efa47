# Clinical words: levels, findings, remedies, reasons, routes, statuses.

level-PASS = May be given
level-NOTE = Note
level-WARN = Warning
level-REASON = Reason needed
level-WITNESS = Second person needed
level-STOP = STOP - do not give
satisfied = answered

finding-broken = Rule { $rule } could not be checked.
finding-E1 = The safety check could not be made.
finding-P1 = { $cause ->
    [none-scanned] No wristband was scanned.
    [unreadable] The wristband could not be read.
    [ambiguous] The wristband { $scanned } belongs to more than one patient.
    [second-missing] The second identifier is missing.
    [second-differs] The two identifiers do not belong to one patient.
    [status] It is not known whether this patient is admitted.
   *[unknown] The wristband { $scanned } belongs to no patient here.
 }
finding-P2 = { $scanned } is a bed or room, not a patient.
finding-P3 = { $cause ->
    [revoked] This wristband was replaced by a newer one.
    [no-instance] This wristband has no number of its own, so a copy cannot be told from it.
   *[unknown-instance] This copy of the wristband (no. { $instance }) was never printed here.
 }
finding-P4 = WRONG PATIENT: scanned { $scanned }, the order is for { $ordered }.
finding-P5 = { $cause ->
    [lapsed] Nothing was scanned for too long ({ $minutes }); the patient's session has closed.
   *[drug-first] The drug was scanned before the wristband.
 }
finding-P6 = { $cause ->
    [second-missing] A typed patient needs a second identifier.
    [second-differs] The typed identifiers do not agree.
   *[typed] The patient was typed, not scanned.
 }
finding-P7 = { $status ->
    [discharged] The patient has been discharged.
    [deceased] The patient is recorded as deceased.
    [transferred] The patient was transferred { $hours } h ago.
   *[unknown] It is not known whether the patient is here.
 }
finding-P8 = { $cause ->
    [nobody] Nobody is signed in.
    [student] A student may not give alone.
    [role] This role may not give drugs.
    [unlicensed] This person is not licensed to give drugs.
   *[unknown] The role or licence of this person is not known.
 }
finding-G5 = { $cause ->
    [unreadable] The drug's barcode could not be read.
    [typed] The drug was typed, not scanned.
   *[unknown] The barcode { $barcode } is not in the hospital's list.
 }
finding-D1 = { $cause ->
    [no-such-order] The order { $ordered } does not exist.
    [unknown-product] The scanned product { $scanned } matches no order.
    [nothing-scanned] No drug was scanned.
    [other-bag] WRONG BAG: { $scanned } is not for { $ordered }.
    [emergency] EMERGENCY DRUG WITHOUT AN ORDER: { $scanned }.
   *[not-ordered] WRONG DRUG: { $scanned } is not ordered{ $ordered ->
        [none] { "" }
       *[other] ; the order says { $ordered }
    }.
 }
finding-D2 = { $status ->
    [ended] The order ended at { $end }.
    [stopped] The order was stopped.
    [completed] The order is completed.
    [cancelled] The order was cancelled.
    [draft] The order is only a draft.
   *[unknown] It is not known whether the order is active.
 }
finding-D3 = The order starts only at { $start }.
finding-D4 = The prescriber has put this order on hold.
finding-D5 = { $cause ->
    [version] The screen shows version { $shown } of the order; it is version { $current } now.
    [no-such-dose] The order has no dose at { $at }.
    [not-done] This dose is already on the record as not given ({ $at }).
    [stopped] This dose was given in part already ({ $at }).
   *[completed] This dose was already given at { $at }.
 }
finding-D6 = No pharmacist has verified this order.
finding-D7 = Look-alike or sound-alike: { $name }. Do not confuse with { $others }.
finding-D8 = More than one order matches this drug: { $orders }.
finding-D9 = { $cause ->
    [stated] WRONG ROUTE: { $route } was chosen, { $allowed } is ordered.
    [vinca] A vinca alkaloid must be in a minibag.
    [unknown] The order does not say by which route it is given.
   *[product] WRONG ROUTE: this product may not be given { $route }; it may be given { $allowed }.
 }
finding-D10 = { $cause ->
    [lifted] The patient is allergic to { $substance }; the prescriber wants it given, with a reason.
    [allergy] ALLERGY: the patient is allergic to { $substance }.
   *[unknown] The allergy list could not be read.
 }
finding-D11 = Related to a known allergy: { $substance } ({ $class }).
finding-D12 = { $severity ->
    [allergy] Allergy to { $other }
   *[other] Interaction with { $other } ({ $severity })
 }, accepted when ordered{ $prescriber ->
    [none] { "" }
   *[other] { " " }by { $prescriber }
 }; reason: { $reason }.
finding-D13 = { $cause ->
    [other-patient] WRONG PATIENT: { $name } is the own medicine of { $owner }.
    [not-ordered] { $name } is the patient's own medicine; the order does not mean the own supply.
   *[hospital-stock] The order means the patient's own medicine; { $name } is hospital stock.
 }
finding-D14 = The order is not clear and cannot be given by scan: { $unclear }.
finding-D15 = { $cause ->
    [patient] The patient { $what } is on file twice, with different data.
    [versions] The order { $what } is active in more than one version.
    [future] The record of order { $what } has an entry in the future ({ $at }).
   *[before-start] The record of order { $what } has a dose from before the order began ({ $at }).
 }
finding-Q1 = { $cause ->
    [no-dose] The order does not say how much.
    [no-strength] The strength of the product is not known.
    [combination] It is not clear which ingredient the dose { $ordered } means.
   *[units] The units of the order ({ $ordered }) and of the product cannot be compared.
 }
finding-Q2 = WRONG DOSE: { $given } instead of { $ordered }.
finding-Q3 = { $cause ->
    [multi-dose] A multi-dose container: the amount drawn is not stated.
    [scanned-twice] The same unit was scanned twice.
   *[one-for-several] One scan stands for several units.
 }
finding-Q4 = { $name } must not be divided.
finding-Q5 = Only { $given } of { $ordered } was taken.
finding-Q6 = { $cause ->
    [over] { $total } of { $ingredient } in 24 hours; the maximum is { $limit }.
   *[unknown] How much { $ingredient } was given in 24 hours is not known.
 }
finding-N3 = { $cause ->
    [over] { $total } of { $ingredient } in 24 hours; this order allows { $limit }.
   *[unknown] How much { $ingredient } was given in 24 hours is not known.
 }
finding-Q7 = { $cause ->
    [old] The weight is { $days } days old.
   *[unknown] The dose is by weight, and the weight is not known.
 }
finding-D16 = { $cause ->
    [positive] POSITIVE SKIN TEST for { $drug } ({ $at }).
    [doubtful] The skin test for { $drug } of { $at } is doubtful.
    [stale] The skin test for { $drug } of { $at } is { $hours } h old: it counts no more.
   *[missing] First dose of { $drug }: no skin test is on record.
 }
finding-T1 = { $cause ->
    [early] { $minutes } early; due at { $due }.
    [late] { $minutes } late; it was due at { $due }.
    [timezone] The ward's time zone is not known, so the due time is not.
   *[schedule] It is not known when this dose is due.
 }
finding-T2 = A later dose (due { $given }) was given already; this one was due at { $due }.
finding-T3 = { $status ->
    [not-done] The same drug was recorded as not given { $minutes } ago.
    [unconfirmed] The same drug was verified { $minutes } ago and nobody confirmed it: it is not known whether the patient took it.
   *[completed] The same drug was given { $minutes } ago.
 }
finding-T4 = Only { $minutes } are left to the next dose at { $next }.
finding-T6 = { $cause ->
    [unknown] It is not known whether the cart's clock is right.
   *[off] The cart's clock is off by { $seconds } s.
 }
finding-N1 = { $cause ->
    [missing] An as-needed drug needs its reason.
    [scheduled] An as-needed drug has no due time.
   *[other] "{ $reason }" is not a reason of this order.
 }
finding-N2 = Last given { $minutes } ago; the interval is { $interval }.
finding-N4 = { $cause ->
    [overdue] The effect of the dose of { $at } ({ $minutes } ago) is not charted.
    [not-as-needed] The record of { $at } is not of a dose as needed.
    [no-effect] The effect of the dose of { $at } is not stated.
   *[unknown] This patient has no such dose on the record.
 }
finding-H1 = { $cause ->
    [missing] { $observation } was not measured.
    [stale] { $observation } ({ $value }) was measured { $minutes } ago; that is too old.
    [below] { $observation } is { $value }, below { $limit }.
    [above] { $observation } is { $value }, above { $limit }.
   *[unit] { $observation } ({ $value }) is in a unit that cannot be compared.
 }
finding-H2 = { $cause ->
    [recommended] High-alert drug { $name }: a double check is recommended.
    [order] The order asks for a double check of { $name }.
   *[required] HIGH-ALERT DRUG { $name }: a double check is required.
 }
finding-H3 = { $cause ->
    [same-person] The witness must be another person.
    [role] This person's role may not witness.
    [unlicensed] The witness is not known to be licensed.
   *[off-shift] The witness is not known to be on shift.
 }
finding-H5 = { $blind ->
    [none] No second person has worked out { $dose } alone.
   *[other] The second calculation is { $blind }; to compare with: { $dose }.
 }
finding-H6 = { $cause ->
    [machine] Blood component { $name }: band and component were read by machine.
   *[by-eye] BLOOD COMPONENT { $name }: two persons must check.
 }
finding-G1 = { $cause ->
    [unreadable] The expiry date in the barcode is not valid.
    [none] The barcode holds no expiry date.
    [timezone] It may have expired ({ $expiry }): the ward's time zone is not known.
    [far] The expiry date in the barcode is more than 15 years off ({ $expiry }): compare it with the print on the pack.
   *[expired] EXPIRED: { $expiry }.
 }
finding-G2 = RECALLED: lot { $lot }.
finding-G3 = Opened at { $opened }; it could be used until { $until }.
finding-G4 = { $serial ->
    [none] The serial number in the barcode is not valid.
   *[other] The pack with serial number { $serial } was charted already ({ $at }).
 }
finding-G6 = { $cause ->
    [unreadable] The lot in the barcode is not valid.
    [recalls] The barcode holds no lot, and lots of { $name } are recalled.
   *[none] The barcode holds no lot.
 }
finding-G7 = { $cause ->
    [void] The unit-dose label { $serial } was WITHDRAWN or printed again: do not give what carries it.
    [other-patient] The unit-dose label { $serial } was printed for ANOTHER PATIENT.
    [differs] What the unit-dose label { $serial } says is not what the pharmacy printed.
    [check] The number { $serial } of the unit-dose label has a wrong check character.
   *[unknown] The pharmacy issued no unit-dose label { $serial }.
 }
finding-I1 = No bag has the number { $barcode }.
finding-I2 = { $state ->
    [none-running] No infusion of this order is running.
    [several-running] More than one infusion of this order is running.
   *[other] The bag { $bag } is recorded as { $state }.
 }
finding-I3 = { $cause ->
    [rate] The rate has changed: the label says { $printed }, the order { $ordered }.
    [volume] The volume has changed: the label says { $printed }, the order { $ordered }.
    [additives] The additives have changed: the label says { $printed }, the order { $ordered }.
   *[version] The label was printed for version { $printed } of the order; it is version { $ordered } now.
 }
finding-I4 = Another bag of this order is running: { $bag }.
finding-I5 = { $cause ->
    [missing] The rate that was set is not stated.
    [not-ordered] The order names no clear rate; { $set } was set.
    [units] The rate { $set } cannot be compared with the ordered { $ordered }.
    [concentration] What the bag holds per volume is not known; { $set } cannot be compared with { $ordered }.
    [weight] The weight is not known; { $set } cannot be compared with { $ordered }.
    [drop-factor] The drops per mL of the set are not stated; { $set } was set.
    [tenfold] WRONG RATE, TENFOLD: { $set } instead of { $ordered }.
    [above] WRONG RATE: { $set }, faster than { $ordered }.
   *[below] WRONG RATE: { $set }, slower than { $ordered }.
 }
finding-I6 = { $cause ->
    [drug] PUMP { $pump } is set for { $reported }; the order says { $ordered }.
    [rate] PUMP { $pump } runs at { $reported }; it should be { $ordered }.
    [concentration] PUMP { $pump } is set for { $reported }; the bag holds { $ordered }.
    [concentration-unknown] Pump { $pump } is set for { $reported }; what the bag holds per volume is not known.
    [bag] Pump { $pump } is still associated with bag { $reported }, not { $ordered }.
    [patient] Pump { $pump } is associated with patient { $reported }, not { $ordered }.
   *[stale] Pump { $pump } was associated with bag { $ordered } too long ago ({ $reported }).
 }
finding-I7 = { $cause ->
    [over] The bag { $bag } has hung since { $started }; it may hang until { $until }.
   *[unknown] It is not known since when the bag { $bag } has hung.
 }
finding-S1 = A dose that is not given needs a reason.
finding-S2 = { $cause ->
    [already] The record of { $at } was withdrawn already.
    [giver] Only who gave it ({ $giver }) or a charge nurse may withdraw the record of { $at }.
    [reason] Withdrawing the record of { $at } needs a reason.
    [patch] Another patch is on (since { $at }); the removal cannot be withdrawn.
   *[unknown] This patient has no record { $record }.
 }
finding-S3 = This one-time order was already given at { $at }.
finding-S4 = { $cause ->
    [early] The patch is due to come off only at { $at }.
    [late] The patch was due to come off at { $at }.
    [none-on] No patch is recorded as being on.
   *[still-on] The last patch (put on at { $at }) was not taken off.
 }
finding-S6 = { $cause ->
    [future] The time of giving is in the future.
   *[late] Charted { $minutes } after giving.
 }
finding-C1 = { $cause ->
    [unknown] It cannot be worked out what became of the controlled drug.
   *[differs] CONTROLLED DRUG: { $taken } taken, { $accounted } accounted for.
 }
finding-C2 = { $waste } of { $name } is wasted: a witness is required.
finding-O1 = { $cause ->
    [unknown] No connection, and the age of the orders is not known.
   *[old] No connection; the orders are { $minutes } old.
 }
finding-O2 = { $lease ->
    [doubt] A cart that was with this patient has not reported: it may have given this dose.
    [pending] This cart has not got this patient yet: the newest chart is on its way.
    [other-cart] Another cart is with this patient and may have given this dose.
   *[none] No connection: another cart may have given this dose.
 }
finding-O3 = No connection: { $name } needs a second person.

remedy-account-for = Account for { $missing }.
remedy-acknowledge = A prescriber must acknowledge it within { $hours } h; the emergency is recorded.
remedy-ask-cart-in-doubt = Ask { $nurse ->
    [none] the nurse of cart { $cart }
   *[named] { $nurse } (cart { $cart })
 } whether the dose was given, or wait until that cart has reported{ $since ->
    [none] {""}
   *[known] {" "}(silent since { $since })
 }.
remedy-ask-charge-nurse = Ask a charge nurse.
remedy-ask-other-cart = Ask the nurse at the other cart.
remedy-ask-pharmacist = Ask the pharmacist.
remedy-ask-prescriber = Ask the prescriber.
remedy-assess-effect = Chart the effect of the dose of { $at }.
remedy-associate-again = Associate pump { $pump } with this patient and bag again.
remedy-calculate-again = Both work it out again, each alone.
remedy-calculate-alone = The second person works it out alone and enters the result.
remedy-check-identity = Check the patient's identity, then scan the wristband.
remedy-check-schedule = Ask when this dose is due.
remedy-check-status = Check in the record where the patient { $patient } is.
remedy-check-ward = Make sure that the new ward does not give it too.
remedy-choose-due = Choose one of the order's doses.
remedy-choose-order = Choose the order: { $orders }.
remedy-choose-record = Choose the record that is meant.
remedy-clarify-order = Ask the prescriber: { $unclear }.
remedy-compare-groups = Compare blood group and component number with the patient.
remedy-compare-names = Compare the names letter by letter: { $name } / { $others }.
remedy-correct-record = Check and correct the record of order { $what }.
remedy-correct-time = Correct the time of giving.
remedy-decide-rest = Decide with the prescriber about the rest ({ $rest }).
remedy-earliest = Earliest { $at }.
remedy-fetch-other-witness = Fetch another licensed person on shift.
remedy-fetch-witness = Fetch a second person.
remedy-give-amount = Give { $amount }, or give a reason.
remedy-give-now = Give it now; the delay is recorded.
remedy-give-prn-reason = Choose the reason: { $reasons }.
remedy-give-reason = Give a reason.
remedy-give-second-identifier = Type the date of birth as the patient says it.
remedy-hang-new-bag = Replace bag { $bag } by a new one.
remedy-measure-now = Measure now: { $observation }.
remedy-name-amounts = State what was given, wasted and returned.
remedy-name-drawn-amount = State the amount drawn.
remedy-name-drop-factor = State the drops per mL that are printed on the set.
remedy-name-rate = State the rate that was set.
remedy-print-band = Print a new wristband for { $patient }.
remedy-quarantine = Put lot { $lot } aside and tell the pharmacy.
remedy-re-time = Ask whether the next dose ({ $next }) should move.
remedy-read-allergies = Ask the patient about allergies, and have the list entered.
remedy-read-expiry = Read the expiry date on the pack.
remedy-read-label = Compare the label with the order.
remedy-read-lot = Read the lot on the pack.
remedy-reconnect = Move the cart to where it has a connection, or give a reason.
remedy-refresh = Load the orders again.
remedy-remove-patch = Take the patch from { $at } off and chart it.
remedy-say-effect = Say what the effect was.
remedy-say-part = Say how much is given: { $amount }.
remedy-scan-again = Scan again, or take another pack.
remedy-scan-band = Scan the wristband on the patient.
remedy-scan-band-of = Scan the wristband of { $patient }.
remedy-scan-band-then-drug = Scan the wristband, then the drug.
remedy-scan-current-band = Scan the newest wristband of { $patient }, or print a new one.
remedy-scan-drug = Scan the drug.
remedy-scan-each-unit = Scan every unit.
remedy-scan-more = { $n ->
    [one] Scan one more.
   *[other] Scan { $n } more.
 }
remedy-scan-ordered-drug = Scan { $ordered }.
remedy-scan-other-bag = Scan another bag.
remedy-scan-running-bag = Scan the bag that is running.
remedy-see-record = See the record of { $at }.
remedy-set-clock = Connect the cart so that its clock is set.
remedy-set-pump = Set the pump again: { $ordered }.
remedy-set-rate = Set the rate to { $rate }.
remedy-sign-in = A licensed person must sign in.
remedy-state-emergency = { $missing ->
    [reason] In an emergency give that as the reason; otherwise ask the prescriber.
    [dose] State the dose.
    [route] State a route that is allowed in an emergency.
    [over] Lower the dose to the most that is allowed in an emergency.
   *[units] State the dose in units that compare with the product's strength.
 }
remedy-stop-other-bag = Stop bag { $bag } first.
remedy-take-less = Give { $amount } only.
remedy-take-other-pack = Take another pack.
remedy-tell-pharmacy = Tell the pharmacy: { $barcode }.
remedy-tell-support = Do not give. Tell the help desk.
remedy-use-own-supply = Use the patient's own medicine, if it is there.
remedy-use-route = Give it { $route }.
remedy-wait-for-lease = Wait a moment, then scan the drug again.
remedy-wait-for-total = Earliest { $at }.
remedy-watch-for = Watch for the interaction with { $other }.
remedy-test-skin = Test the skin for { $drug }, read it after its time, and record the result.
remedy-watch-allergy = Watch closely, with the anaphylaxis box at hand.
remedy-watch-patient = Tolerated before; watch the patient.
remedy-weigh-patient = Weigh the patient.

reason-emergency = Emergency
reason-prescriber-confirmed = Prescriber confirmed
reason-pharmacist-confirmed = Pharmacist confirmed
reason-off-ward = Patient off the ward
reason-npo = Nil by mouth
reason-procedure = Procedure
reason-refused = Patient refused
reason-vomited = Vomited
reason-unavailable = Drug not available
reason-band-missing = Wristband missing
reason-band-unreadable = Wristband unreadable
reason-band-isolation = Isolation, wristband not reachable
reason-label-unreadable = Drug label unreadable
reason-label-missing = Drug label missing
reason-label-unknown = Drug label unknown
reason-scanner-fault = Scanner fault
reason-network-down = Network down
reason-battery = Battery empty
reason-clinical-judgement = Clinical judgement (with text)

route-PO = by mouth
route-IV = intravenous
route-IM = intramuscular
route-SC = subcutaneous
route-SL = under the tongue
route-PR = rectal
route-TOP = on the skin
route-TD = transdermal
route-INH = inhaled
route-NG = by nasogastric tube
route-OPH = in the eye
route-OT = in the ear
route-NAS = in the nose

status-completed = given
status-not-done = not given
status-in-progress = running
status-on-hold = paused
status-stopped = stopped
status-entered-in-error = entered in error

action-give = Give
action-hold = Hold
action-refuse = Refused
action-not-given = Not given
action-start = Start
action-stop = Stop
action-remove = Remove
action-waste = Waste
action-rate = Change the rate
action-assess = Chart the effect
action-undo = Withdraw a record

observation-heart-rate = heart rate
observation-systolic = systolic blood pressure
observation-diastolic = diastolic blood pressure
observation-respiratory-rate = respiratory rate
observation-spo2 = oxygen saturation
observation-glucose = blood glucose
observation-potassium = potassium
observation-temperature = temperature
observation-pain = pain score
observation-sedation = sedation score
observation-creatinine = creatinine
observation-inr = INR

# Where facts come from.
fact-source = { $what }: { $origin }{ $ref ->
    [none] { "" }
   *[other] { " " }{ $ref }
 }{ $at ->
    [none] { "" }
   *[other] , { $at }
 }
origin-scan = scan
origin-keyed = typed
origin-order = order
origin-schedule = schedule
origin-product = formulary
origin-patient = patient
origin-observation = measurement
origin-record = record
origin-bag = bag
origin-pump = pump
origin-staff = staff list
origin-cart = cart
origin-intent = stated by the nurse
origin-policy = policy
span-minutes = { $count } min
span-hours = { $count } h
span-days = { $count } d
