# A second person at another cart or phone.
afar-elsewhere = Double check from another machine
afar-ask-hint = Nobody beside you?
afar-ask = Ask a colleague at another cart or phone
afar-asked = Asked at { $time }, waiting until { $until }
afar-sending = On its way to the server…
afar-nobody = The server has it, but no other cart or phone of the ward is on. Fetch somebody here.
afar-reached = { $count ->
    [one] One machine was called
   *[other] { $count } machines were called
 }: { $carts }. Whoever comes here can still sign.
afar-line-lost = The server cannot be reached: have the second person sign here.
afar-stop = Stop asking
afar-offline = No network, so nobody elsewhere can be asked: the second person signs here.
afar-calls = Colleagues who need a second person
afar-call = Bed { $bed }: a second person is needed
afar-call-from = { $name } asks from { $cart }
afar-look = Look
afar-title = Double check for a colleague
afar-who-asks = Bed { $bed } · { $name } asks from { $cart } since { $time }
afar-badge = Hold your badge before the camera
afar-badge-hint = Or type its number. Whoever asks cannot check their own dose.
afar-pin = PIN of { $name }
afar-not-you = Not you? Hold your own badge.
afar-other-badge = Another badge
afar-see = Sign and see
afar-not-now = Not now (leave it to others)
afar-no-order = No order
afar-keyed = typed, not scanned
afar-nothing-scanned = Nothing was scanned
afar-found = What the machine points out
afar-found-nothing = Nothing else.
afar-only-what-you-see = You see what the other machine scanned and noted, nothing more. If you must see the drug or the syringe, decline and go there.
afar-confirm-title = { $name } confirms
afar-blind = Work it out from the order and the weight, without asking. The two figures are compared only after you send yours.
afar-confirm = Checked, CORRECT
afar-decline-title = I do not confirm
afar-decline = Decline
afar-decline-wrong-patient = Wrong patient
afar-decline-wrong-drug = Wrong drug
afar-decline-wrong-amount = Wrong amount or rate
afar-decline-not-now-needed = Should not be given now (say why)
afar-decline-cannot-judge = Cannot be judged from here: somebody must go
afar-decline-other = Another reason (say which)
afar-under-way = On its way. It is not confirmed until the server answers.
afar-done = Back to the main screen
afar-outcome-confirmed = Your confirmation counts.
afar-outcome-declined = Your colleague is told that you did not confirm.
afar-outcome-taken = { $name } answered first at { $cart }: your answer does not count.
afar-outcome-expired = Too late: your answer does not count.
afar-outcome-withdrawn = Your colleague needs nobody any more: your answer does not count.
afar-outcome-void = Something changed at the other machine: your answer does not count. Your colleague must ask again.
afar-outcome-over = This request is over or has changed.
afar-outcome-unknown = The server does not know this request: your answer does not count.
afar-outcome-unheard = It is not known whether the server has it. Do not take it for confirmed: call your colleague.
afar-outcome-asker-away = The machine that asks cannot be reached: your answer does not count. Call your colleague.
afar-outcome-same-cart = This very machine asks: sign on the main screen.
afar-outcome-other-ward = This machine is of another ward: your answer does not count.
afar-outcome-same-person = Whoever asks cannot check their own dose.
afar-outcome-person-unknown = The server does not know you: your answer does not count.
afar-outcome-inactive = Your account has ended: your answer does not count.
afar-outcome-student = Students may not double-check.
afar-outcome-role = Your role may not double-check.
afar-outcome-unlicensed = The server knows no licence of yours: your answer does not count.
afar-outcome-no-figure = Your own figure is missing: your answer does not count.
afar-outcome-refused = The server did not take the answer.
notice-witness-afar-offline = No network, so nobody elsewhere can be asked: the second person signs here.
notice-witness-afar-unknown = It is not known whom this is for, so nobody can be asked.
notice-witness-afar-confirmed = { $name } confirmed at { $cart }.
notice-witness-afar-declined = { $name } at { $cart } did NOT confirm: { $reason ->
    [wrong-patient] wrong patient
    [wrong-drug] wrong drug
    [wrong-amount] wrong amount or rate
    [not-now-needed] should not be given now
    [cannot-judge] cannot be judged from there, somebody must come
   *[other] another reason
 }. { $text }
notice-witness-afar-expired = Nobody answered in time: ask again, or have somebody sign here.
notice-witness-afar-void = Something changed after you asked, so the request and its answer count no more: look again, then ask again.
notice-witness-afar-refused = The server did not take the request: the second person signs here.
notice-witness-afar-forged = An answer without the server's signature was ignored. Still waiting.
notice-witness-afar-not-known = This cart does not know who answered: the second person signs here.
notice-witness-afar-not-permitted = Who answered may not double-check: ask another person.
notice-witness-afar-no-figure = The answer came without a figure of their own: ask again.
notice-witness-call-over = This request is over: your colleague has somebody, or something changed.
notice-witness-call-offline = No network: the answer cannot be sent. Call your colleague.
notice-witness-call-reason = Choose why you decline; this reason needs words.
notice-witness-call-other-patient = This cart does not know that patient, or under another name: it cannot be double-checked from here.
notice-witness-fault-role = Your role may not double-check.
notice-witness-fault-unlicensed = Your licence is not known: you may not double-check.
notice-witness-fault-off-shift = You are not on shift: you may not double-check.
