# Une deuxième personne sur un autre chariot ou téléphone.
afar-elsewhere = Double contrôle depuis un autre poste
afar-ask-hint = Personne à côté de vous ?
afar-ask = Demander à un collègue sur un autre chariot ou téléphone
afar-asked = Demandé à { $time }, attente jusqu'à { $until }
afar-sending = Envoi au serveur…
afar-nobody = Le serveur l'a reçu, mais aucun autre chariot ni téléphone du service n'est allumé. Faites venir quelqu'un ici.
afar-reached = { $count ->
    [one] Un poste est appelé
   *[other] { $count } postes sont appelés
 } : { $carts }. Une personne présente ici peut toujours signer.
afar-line-lost = Serveur injoignable : la deuxième personne signe ici.
afar-stop = Ne plus demander
afar-offline = Sans réseau, impossible de demander ailleurs : la deuxième personne signe ici.
afar-calls = Collègues qui cherchent une deuxième personne
afar-call = Lit { $bed } : une deuxième personne est demandée
afar-call-from = { $name } demande depuis { $cart }
afar-look = Voir
afar-title = Double contrôle pour un collègue
afar-who-asks = Lit { $bed } · { $name } demande depuis { $cart } depuis { $time }
afar-badge = Présentez votre badge à la caméra
afar-badge-hint = Ou tapez son numéro. Qui demande ne peut pas contrôler sa propre dose.
afar-pin = Code PIN de { $name }
afar-not-you = Ce n'est pas vous ? Présentez votre badge.
afar-other-badge = Un autre badge
afar-see = Signer et voir
afar-not-now = Pas maintenant (laisser à d'autres)
afar-no-order = Sans prescription
afar-keyed = saisi, non scanné
afar-nothing-scanned = Rien n'a été scanné
afar-found = Ce que la machine signale
afar-found-nothing = Rien d'autre.
afar-only-what-you-see = Vous voyez ce que l'autre poste a scanné et noté, rien de plus. S'il faut voir le médicament ou la seringue, refusez et allez-y.
afar-confirm-title = { $name } confirme
afar-blind = Calculez d'après la prescription et le poids, sans demander. Les deux chiffres ne sont comparés qu'après l'envoi du vôtre.
afar-confirm = Contrôlé, CORRECT
afar-decline-title = Je ne confirme pas
afar-decline = Refuser
afar-decline-wrong-patient = Mauvais patient
afar-decline-wrong-drug = Mauvais médicament
afar-decline-wrong-amount = Mauvaise dose ou mauvais débit
afar-decline-not-now-needed = À ne pas donner maintenant (préciser)
afar-decline-cannot-judge = Impossible d'en juger d'ici : il faut y aller
afar-decline-other = Autre raison (préciser)
afar-under-way = En cours d'envoi. Rien n'est confirmé avant la réponse du serveur.
afar-done = Retour à l'écran principal
afar-outcome-confirmed = Votre confirmation compte.
afar-outcome-declined = Votre collègue est prévenu que vous n'avez pas confirmé.
afar-outcome-taken = { $name } a répondu avant vous sur { $cart } : votre réponse ne compte pas.
afar-outcome-expired = Trop tard : votre réponse ne compte pas.
afar-outcome-withdrawn = Votre collègue n'a plus besoin de personne : votre réponse ne compte pas.
afar-outcome-void = Quelque chose a changé sur l'autre poste : votre réponse ne compte pas. Votre collègue doit redemander.
afar-outcome-over = Cette demande est terminée ou a changé.
afar-outcome-unknown = Le serveur ne connaît pas cette demande : votre réponse ne compte pas.
afar-outcome-unheard = On ne sait pas si le serveur l'a reçue. Ne la tenez pas pour confirmée : appelez votre collègue.
afar-outcome-asker-away = Le poste qui demande est injoignable : votre réponse ne compte pas. Appelez votre collègue.
afar-outcome-same-cart = C'est ce poste qui demande : signez sur l'écran principal.
afar-outcome-other-ward = Ce poste est d'un autre service : votre réponse ne compte pas.
afar-outcome-same-person = Qui demande ne peut pas contrôler sa propre dose.
afar-outcome-person-unknown = Le serveur ne vous connaît pas : votre réponse ne compte pas.
afar-outcome-inactive = Votre compte est fermé : votre réponse ne compte pas.
afar-outcome-student = Les étudiants ne peuvent pas faire le double contrôle.
afar-outcome-role = Votre rôle ne permet pas le double contrôle.
afar-outcome-unlicensed = Le serveur ne vous connaît pas d'autorisation d'exercer : votre réponse ne compte pas.
afar-outcome-no-figure = Il manque votre propre chiffre : votre réponse ne compte pas.
afar-outcome-refused = Le serveur n'a pas accepté la réponse.
notice-witness-afar-offline = Sans réseau, impossible de demander ailleurs : la deuxième personne signe ici.
notice-witness-afar-unknown = On ne sait pas pour qui c'est : impossible de demander.
notice-witness-afar-confirmed = { $name } a confirmé sur { $cart }.
notice-witness-afar-declined = { $name }, sur { $cart }, n'a PAS confirmé : { $reason ->
    [wrong-patient] mauvais patient
    [wrong-drug] mauvais médicament
    [wrong-amount] mauvaise dose ou mauvais débit
    [not-now-needed] à ne pas donner maintenant
    [cannot-judge] impossible d'en juger à distance, il faut venir
   *[other] autre raison
 }. { $text }
notice-witness-afar-expired = Personne n'a répondu à temps : redemandez, ou faites signer quelqu'un ici.
notice-witness-afar-void = Quelque chose a changé depuis la demande : la demande et sa réponse ne comptent plus. Vérifiez, puis redemandez.
notice-witness-afar-refused = Le serveur n'a pas accepté la demande : la deuxième personne signe ici.
notice-witness-afar-forged = Une réponse sans la signature du serveur a été ignorée. L'attente continue.
notice-witness-afar-not-known = Ce chariot ne connaît pas la personne qui a répondu : la deuxième personne signe ici.
notice-witness-afar-not-permitted = La personne qui a répondu ne peut pas faire le double contrôle : demandez à une autre.
notice-witness-afar-no-figure = La réponse est venue sans chiffre propre : redemandez.
notice-witness-call-over = Cette demande est terminée : votre collègue a quelqu'un, ou quelque chose a changé.
notice-witness-call-offline = Sans réseau, la réponse ne part pas. Appelez votre collègue.
notice-witness-call-reason = Choisissez la raison du refus ; celle-ci demande des mots.
notice-witness-call-other-patient = Ce chariot ne connaît pas ce patient, ou sous un autre nom : pas de double contrôle d'ici.
notice-witness-fault-role = Votre rôle ne permet pas le double contrôle.
notice-witness-fault-unlicensed = Votre autorisation d'exercer n'est pas connue : pas de double contrôle.
notice-witness-fault-off-shift = Vous n'êtes pas en service : pas de double contrôle.
