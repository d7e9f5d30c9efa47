# Mots cliniques : niveaux, constats, remèdes, motifs, voies, états.

level-PASS = Peut être administré
level-NOTE = À noter
level-WARN = Avertissement
level-REASON = Motif exigé
level-WITNESS = Deuxième personne exigée
level-STOP = STOP – ne pas administrer
satisfied = répondu

finding-broken = La règle { $rule } n'a pas pu être vérifiée.
finding-E1 = Le contrôle de sécurité n'a pas pu être fait.
finding-P1 = { $cause ->
    [none-scanned] Aucun bracelet n'a été scanné.
    [unreadable] Le bracelet n'a pas pu être lu.
    [ambiguous] Le bracelet { $scanned } appartient à plusieurs patients.
    [second-missing] Le deuxième identifiant manque.
    [second-differs] Les deux identifiants ne désignent pas le même patient.
    [status] On ne sait pas si ce patient est hospitalisé.
   *[unknown] Le bracelet { $scanned } n'appartient à aucun patient ici.
 }
finding-P2 = { $scanned } est un lit ou une chambre, pas un patient.
finding-P3 = { $cause ->
    [revoked] Ce bracelet a été remplacé par un plus récent.
    [no-instance] Ce bracelet n'a pas de numéro propre : une copie ne s'en distingue pas.
   *[unknown-instance] Cet exemplaire du bracelet (n° { $instance }) n'a jamais été imprimé ici.
 }
finding-P4 = MAUVAIS PATIENT : scanné { $scanned }, la prescription est pour { $ordered }.
finding-P5 = { $cause ->
    [lapsed] Rien n'a été scanné depuis trop longtemps ({ $minutes }) ; la session du patient est fermée.
   *[drug-first] Le médicament a été scanné avant le bracelet.
 }
finding-P6 = { $cause ->
    [second-missing] Un patient saisi au clavier exige un deuxième identifiant.
    [second-differs] Les identifiants saisis ne concordent pas.
   *[typed] Le patient a été saisi au clavier, pas scanné.
 }
finding-P7 = { $status ->
    [discharged] Le patient est sorti.
    [deceased] Le patient est noté comme décédé.
    [transferred] Le patient a été transféré il y a { $hours } h.
   *[unknown] On ne sait pas si le patient est ici.
 }
finding-P8 = { $cause ->
    [nobody] Personne n'est connecté.
    [student] Un étudiant n'administre pas seul.
    [role] Ce rôle ne permet pas d'administrer.
    [unlicensed] Cette personne n'est pas habilitée à administrer.
   *[unknown] Le rôle ou l'habilitation de cette personne n'est pas connu.
 }
finding-G5 = { $cause ->
    [unreadable] Le code du médicament n'a pas pu être lu.
    [typed] Le médicament a été saisi au clavier, pas scanné.
   *[unknown] Le code { $barcode } n'est pas dans le livret de l'hôpital.
 }
finding-D1 = { $cause ->
    [no-such-order] La prescription { $ordered } n'existe pas.
    [unknown-product] Le produit scanné { $scanned } ne correspond à aucune prescription.
    [nothing-scanned] Aucun médicament n'a été scanné.
    [other-bag] MAUVAISE POCHE : { $scanned } n'est pas pour { $ordered }.
    [emergency] MÉDICAMENT D’URGENCE SANS PRESCRIPTION : { $scanned }.
   *[not-ordered] MAUVAIS MÉDICAMENT : { $scanned } n'est pas prescrit{ $ordered ->
        [none] { "" }
       *[other] {" "}; la prescription dit { $ordered }
    }.
 }
finding-D2 = { $status ->
    [ended] La prescription a pris fin à { $end }.
    [stopped] La prescription a été arrêtée.
    [completed] La prescription est terminée.
    [cancelled] La prescription a été annulée.
    [draft] La prescription n'est qu'un brouillon.
   *[unknown] On ne sait pas si la prescription est active.
 }
finding-D3 = La prescription ne commence qu'à { $start }.
finding-D4 = Le prescripteur a suspendu cette prescription.
finding-D5 = { $cause ->
    [version] L'écran montre la version { $shown } de la prescription ; c'est maintenant la version { $current }.
    [no-such-dose] La prescription n'a pas de dose à { $at }.
    [not-done] Cette dose est déjà notée comme non administrée ({ $at }).
    [stopped] Cette dose a déjà été administrée en partie ({ $at }).
   *[completed] Cette dose a déjà été administrée à { $at }.
 }
finding-D6 = Aucun pharmacien n'a validé cette prescription.
finding-D7 = Noms ressemblants : { $name }. Ne pas confondre avec { $others }.
finding-D8 = Plusieurs prescriptions correspondent à ce médicament : { $orders }.
finding-D9 = { $cause ->
    [stated] MAUVAISE VOIE : { $route } a été choisie, { $allowed } est prescrite.
    [vinca] Un vinca-alcaloïde doit être dans une minipoche.
    [unknown] La prescription n'indique pas la voie d'administration.
   *[product] MAUVAISE VOIE : ce produit ne s'administre pas par { $route } ; il s'administre par { $allowed }.
 }
finding-D10 = { $cause ->
    [lifted] Le patient est allergique à { $substance } ; le prescripteur maintient le médicament, motif à l’appui.
    [allergy] ALLERGIE : le patient est allergique à { $substance }.
   *[unknown] La liste des allergies n'a pas pu être lue.
 }
finding-D11 = Apparenté à une allergie connue : { $substance } ({ $class }).
finding-D12 = { $severity ->
    [allergy] Allergie à { $other }
   *[other] Interaction avec { $other } ({ $severity })
 }, acceptée à la prescription{ $prescriber ->
    [none] { "" }
   *[other] { " " }par { $prescriber }
 } ; motif : { $reason }.
finding-D13 = { $cause ->
    [other-patient] MAUVAIS PATIENT : { $name } est le médicament personnel de { $owner }.
    [not-ordered] { $name } est le médicament personnel du patient ; la prescription ne le prévoit pas.
   *[hospital-stock] La prescription prévoit le médicament personnel du patient ; { $name } vient de l’hôpital.
 }
finding-D14 = La prescription n’est pas claire et ne peut être donnée par lecture : { $unclear }.
finding-D15 = { $cause ->
    [patient] Le patient { $what } figure deux fois, avec des données différentes.
    [versions] La prescription { $what } est active en plusieurs versions.
    [future] Le dossier de la prescription { $what } contient une saisie dans le futur ({ $at }).
   *[before-start] Le dossier de la prescription { $what } contient une dose d’avant son début ({ $at }).
 }
finding-Q1 = { $cause ->
    [no-dose] La prescription ne dit pas combien.
    [no-strength] Le dosage du produit n'est pas connu.
    [combination] On ne sait pas à quel principe actif se rapporte la dose { $ordered }.
   *[units] Les unités de la prescription ({ $ordered }) et du produit ne se comparent pas.
 }
finding-Q2 = MAUVAISE DOSE : { $given } au lieu de { $ordered }.
finding-Q3 = { $cause ->
    [multi-dose] Flacon multidose : la quantité prélevée n'est pas indiquée.
    [scanned-twice] La même unité a été scannée deux fois.
   *[one-for-several] Un seul scan vaut pour plusieurs unités.
 }
finding-Q4 = { $name } ne doit pas être divisé.
finding-Q5 = Seulement { $given } sur { $ordered } ont été pris.
finding-Q6 = { $cause ->
    [over] { $total } de { $ingredient } en 24 heures ; le maximum est { $limit }.
   *[unknown] On ne sait pas combien de { $ingredient } a été administré en 24 heures.
 }
finding-N3 = { $cause ->
    [over] { $total } de { $ingredient } en 24 heures ; cette prescription permet { $limit }.
   *[unknown] On ne sait pas combien de { $ingredient } a été administré en 24 heures.
 }
finding-Q7 = { $cause ->
    [old] Le poids date de { $days } jours.
   *[unknown] La dose dépend du poids, et le poids n'est pas connu.
 }
finding-D16 = { $cause ->
    [positive] TEST CUTANÉ POSITIF pour { $drug } ({ $at }).
    [doubtful] Le test cutané pour { $drug } du { $at } est douteux.
    [stale] Le test cutané pour { $drug } du { $at } date de { $hours } h : il ne vaut plus.
   *[missing] Première dose de { $drug } : aucun test cutané enregistré.
 }
finding-T1 = { $cause ->
    [early] { $minutes } trop tôt ; prévue à { $due }.
    [late] { $minutes } de retard ; prévue à { $due }.
    [timezone] Le fuseau horaire du service n'est pas connu, donc l'heure prévue non plus.
   *[schedule] On ne sait pas quand cette dose est prévue.
 }
finding-T2 = Une dose ultérieure (prévue à { $given }) a déjà été administrée ; celle-ci était prévue à { $due }.
finding-T3 = { $status ->
    [not-done] Le même médicament a été noté comme non administré il y a { $minutes }.
    [unconfirmed] Le même médicament a été vérifié il y a { $minutes } et personne n'a confirmé : on ne sait pas si le patient l'a pris.
   *[completed] Le même médicament a été administré il y a { $minutes }.
 }
finding-T4 = Il ne reste que { $minutes } jusqu'à la prochaine dose ({ $next }).
finding-T6 = { $cause ->
    [unknown] On ne sait pas si l'horloge du chariot est juste.
   *[off] L'horloge du chariot est décalée de { $seconds } s.
 }
finding-N1 = { $cause ->
    [missing] Un médicament à la demande exige son motif.
    [scheduled] Un médicament à la demande n'a pas d'heure prévue.
   *[other] « { $reason } » n'est pas un motif de cette prescription.
 }
finding-N2 = Dernière prise il y a { $minutes } ; l'intervalle est de { $interval }.
finding-N4 = { $cause ->
    [overdue] L’effet de la dose de { $at } (il y a { $minutes }) n’est pas noté.
    [not-as-needed] La saisie de { $at } n’est pas celle d’une dose au besoin.
    [no-effect] L’effet de la dose de { $at } n’est pas indiqué.
   *[unknown] Ce patient n’a pas une telle dose dans son dossier.
 }
finding-H1 = { $cause ->
    [missing] { $observation } : non mesuré.
    [stale] { $observation } ({ $value }) : mesuré il y a { $minutes }, trop ancien.
    [below] { $observation } : { $value }, au-dessous de { $limit }.
    [above] { $observation } : { $value }, au-dessus de { $limit }.
   *[unit] { $observation } ({ $value }) : unité non comparable.
 }
finding-H2 = { $cause ->
    [recommended] Médicament à haut risque { $name } : double contrôle recommandé.
    [order] La prescription demande un double contrôle de { $name }.
   *[required] MÉDICAMENT À HAUT RISQUE { $name } : double contrôle obligatoire.
 }
finding-H3 = { $cause ->
    [same-person] Le témoin doit être une autre personne.
    [role] Le rôle de cette personne ne permet pas de témoigner.
    [unlicensed] On ne sait pas si le témoin est habilité.
   *[off-shift] On ne sait pas si le témoin est de service.
 }
finding-H5 = { $blind ->
    [none] Personne n’a recalculé { $dose } de son côté.
   *[other] Le second calcul donne { $blind } ; à comparer avec : { $dose }.
 }
finding-H6 = { $cause ->
    [machine] Produit sanguin { $name } : bracelet et produit ont été lus par machine.
   *[by-eye] PRODUIT SANGUIN { $name } : deux personnes doivent contrôler.
 }
finding-G1 = { $cause ->
    [unreadable] La date de péremption du code n'est pas valide.
    [none] Le code ne contient pas de date de péremption.
    [timezone] Peut-être périmé ({ $expiry }) : le fuseau horaire du service n'est pas connu.
    [far] La date de péremption du code est à plus de 15 ans ({ $expiry }) : comparez-la à celle imprimée sur la boîte.
   *[expired] PÉRIMÉ : { $expiry }.
 }
finding-G2 = RAPPELÉ : lot { $lot }.
finding-G3 = Ouvert à { $opened } ; utilisable jusqu'à { $until }.
finding-G4 = { $serial ->
    [none] Le numéro de série du code n'est pas valide.
   *[other] La boîte au numéro de série { $serial } a déjà été notée ({ $at }).
 }
finding-G6 = { $cause ->
    [unreadable] Le lot du code n'est pas valide.
    [recalls] Le code ne contient pas de lot, et des lots de { $name } sont rappelés.
   *[none] Le code ne contient pas de lot.
 }
finding-G7 = { $cause ->
    [void] L’étiquette de dose unitaire { $serial } a été RETIRÉE ou réimprimée : ne pas administrer ce qui la porte.
    [other-patient] L’étiquette de dose unitaire { $serial } a été imprimée pour UN AUTRE PATIENT.
    [differs] Le contenu de l’étiquette de dose unitaire { $serial } ne correspond pas à ce que la pharmacie a imprimé.
    [check] Le numéro { $serial } de l’étiquette de dose unitaire a un caractère de contrôle faux.
   *[unknown] La pharmacie n’a pas émis d’étiquette de dose unitaire { $serial }.
 }
finding-I1 = Aucune poche ne porte le numéro { $barcode }.
finding-I2 = { $state ->
    [none-running] Aucune perfusion de cette prescription n’est en cours.
    [several-running] Plusieurs perfusions de cette prescription sont en cours.
   *[other] La poche { $bag } est notée comme { $state }.
 }
finding-I3 = { $cause ->
    [rate] Le débit a changé : l'étiquette dit { $printed }, la prescription { $ordered }.
    [volume] Le volume a changé : l'étiquette dit { $printed }, la prescription { $ordered }.
    [additives] Les ajouts ont changé : l'étiquette dit { $printed }, la prescription { $ordered }.
   *[version] L'étiquette a été imprimée pour la version { $printed } ; c'est maintenant la version { $ordered }.
 }
finding-I4 = Une autre poche de cette prescription coule : { $bag }.
finding-I5 = { $cause ->
    [missing] Le débit réglé n’est pas indiqué.
    [not-ordered] La prescription n’indique pas de débit clair ; { $set } a été réglé.
    [units] Le débit { $set } ne peut être comparé à { $ordered }.
    [concentration] La concentration de la poche n’est pas connue ; { $set } ne peut être comparé à { $ordered }.
    [weight] Le poids n’est pas connu ; { $set } ne peut être comparé à { $ordered }.
    [drop-factor] Le nombre de gouttes par mL de la tubulure n’est pas indiqué ; { $set } a été réglé.
    [tenfold] DÉBIT FAUX, DIX FOIS : { $set } au lieu de { $ordered }.
    [above] DÉBIT FAUX : { $set }, plus rapide que { $ordered }.
   *[below] DÉBIT FAUX : { $set }, plus lent que { $ordered }.
 }
finding-I6 = { $cause ->
    [drug] LA POMPE { $pump } est réglée pour { $reported } ; la prescription dit { $ordered }.
    [rate] LA POMPE { $pump } est à { $reported } ; ce devrait être { $ordered }.
    [concentration] LA POMPE { $pump } est réglée pour { $reported } ; la poche contient { $ordered }.
    [concentration-unknown] La pompe { $pump } est réglée pour { $reported } ; la concentration de la poche n’est pas connue.
    [bag] La pompe { $pump } est encore associée à la poche { $reported }, non à { $ordered }.
    [patient] La pompe { $pump } est associée au patient { $reported }, non à { $ordered }.
   *[stale] L’association de la pompe { $pump } à la poche { $ordered } est trop ancienne ({ $reported }).
 }
finding-I7 = { $cause ->
    [over] La poche { $bag } est en place depuis { $started } ; elle peut le rester jusqu’à { $until }.
   *[unknown] On ne sait pas depuis quand la poche { $bag } est en place.
 }
finding-S1 = Une dose non administrée exige un motif.
finding-S2 = { $cause ->
    [already] La saisie de { $at } a déjà été annulée.
    [giver] Seule la personne qui a donné ({ $giver }) ou un cadre peut annuler la saisie de { $at }.
    [reason] L’annulation de la saisie de { $at } exige un motif.
    [patch] Un autre patch est en place (depuis { $at }) ; le retrait ne peut être annulé.
   *[unknown] Ce patient n’a pas de saisie { $record }.
 }
finding-S3 = Cette prescription unique a déjà été administrée à { $at }.
finding-S4 = { $cause ->
    [early] Le patch ne doit être retiré qu’à { $at }.
    [late] Le patch devait être retiré à { $at }.
    [none-on] Aucun patch n'est noté comme posé.
   *[still-on] Le dernier patch (posé à { $at }) n'a pas été retiré.
 }
finding-S6 = { $cause ->
    [future] L'heure d'administration est dans le futur.
   *[late] Noté { $minutes } après l'administration.
 }
finding-C1 = { $cause ->
    [unknown] On ne peut pas établir ce qu'est devenu le stupéfiant.
   *[differs] STUPÉFIANT : { $taken } pris, { $accounted } justifiés.
 }
finding-C2 = { $waste } de { $name } jetés : un témoin est obligatoire.
finding-O1 = { $cause ->
    [unknown] Pas de connexion, et l'âge des prescriptions n'est pas connu.
   *[old] Pas de connexion ; les prescriptions datent de { $minutes }.
 }
finding-O2 = { $lease ->
    [doubt] Un chariot qui était auprès de ce patient n’a pas rendu compte : il a pu donner cette dose.
    [pending] Ce chariot n’a pas encore ce patient : le dossier le plus récent arrive.
    [other-cart] Un autre chariot est auprès de ce patient et a pu donner cette dose.
   *[none] Pas de connexion : un autre chariot a pu donner cette dose.
 }
finding-O3 = Pas de connexion : { $name } exige une deuxième personne.

remedy-account-for = Justifier { $missing }.
remedy-acknowledge = Un prescripteur doit le valider dans les { $hours } h ; l’urgence est notée.
remedy-ask-cart-in-doubt = Demander { $nurse ->
    [none] à l’infirmier du chariot { $cart }
   *[named] à { $nurse } (chariot { $cart })
 } si la dose a été donnée, ou attendre que ce chariot ait rendu compte{ $since ->
    [none] {""}
   *[known] {" "}(muet depuis { $since })
 }.
remedy-ask-charge-nurse = Demandez à un cadre de santé.
remedy-ask-other-cart = Demander à l'infirmier de l'autre chariot.
remedy-ask-pharmacist = Demander au pharmacien.
remedy-ask-prescriber = Demander au prescripteur.
remedy-assess-effect = Notez l’effet de la dose de { $at }.
remedy-associate-again = Associez à nouveau la pompe { $pump } à ce patient et à cette poche.
remedy-calculate-again = Recalculer tous les deux, chacun de son côté.
remedy-calculate-alone = La seconde personne calcule seule et saisit son résultat.
remedy-check-identity = Vérifier l'identité du patient, puis scanner le bracelet.
remedy-check-schedule = Demander quand cette dose est prévue.
remedy-check-status = Vérifier dans le dossier où se trouve le patient { $patient }.
remedy-check-ward = S'assurer que le nouveau service ne la donne pas aussi.
remedy-choose-due = Choisir une des doses de la prescription.
remedy-choose-order = Choisir la prescription : { $orders }.
remedy-choose-record = Choisissez la saisie voulue.
remedy-clarify-order = Demandez au prescripteur : { $unclear }.
remedy-compare-groups = Comparez le groupe sanguin et le numéro du produit avec le patient.
remedy-compare-names = Comparer les noms lettre par lettre : { $name } / { $others }.
remedy-correct-record = Vérifiez et corrigez le dossier de la prescription { $what }.
remedy-correct-time = Corriger l'heure d'administration.
remedy-decide-rest = Décidez du reste ({ $rest }) avec le prescripteur.
remedy-earliest = Au plus tôt { $at }.
remedy-fetch-other-witness = Appeler une autre personne habilitée et de service.
remedy-fetch-witness = Appeler une deuxième personne.
remedy-give-amount = Donner { $amount }, ou indiquer un motif.
remedy-give-now = Donner maintenant ; le retard est noté.
remedy-give-prn-reason = Choisir le motif : { $reasons }.
remedy-give-reason = Indiquer un motif.
remedy-give-second-identifier = Saisir la date de naissance telle que le patient la dit.
remedy-hang-new-bag = Remplacez la poche { $bag } par une nouvelle.
remedy-measure-now = Mesurer maintenant : { $observation }.
remedy-name-amounts = Indiquer ce qui a été donné, jeté et rendu.
remedy-name-drawn-amount = Indiquer la quantité prélevée.
remedy-name-drop-factor = Indiquez les gouttes par mL imprimées sur la tubulure.
remedy-name-rate = Indiquez le débit réglé.
remedy-print-band = Imprimer un nouveau bracelet pour { $patient }.
remedy-quarantine = Mettre le lot { $lot } de côté et prévenir la pharmacie.
remedy-re-time = Demander si la prochaine dose ({ $next }) doit être décalée.
remedy-read-allergies = Interroger le patient sur ses allergies et faire saisir la liste.
remedy-read-expiry = Lire la date de péremption sur l'emballage.
remedy-read-label = Comparer l'étiquette avec la prescription.
remedy-read-lot = Lire le lot sur l'emballage.
remedy-reconnect = Déplacer le chariot où il a du réseau, ou indiquer un motif.
remedy-refresh = Recharger les prescriptions.
remedy-remove-patch = Retirer le patch de { $at } et le noter.
remedy-say-effect = Indiquez l’effet.
remedy-say-part = Dire combien est donné : { $amount }.
remedy-scan-again = Scanner de nouveau, ou prendre une autre boîte.
remedy-scan-band = Scanner le bracelet sur le patient.
remedy-scan-band-of = Scanner le bracelet de { $patient }.
remedy-scan-band-then-drug = Scanner le bracelet, puis le médicament.
remedy-scan-current-band = Scanner le bracelet le plus récent de { $patient }, ou en imprimer un.
remedy-scan-drug = Scanner le médicament.
remedy-scan-each-unit = Scanner chaque unité.
remedy-scan-more = { $n ->
    [one] Scanner une unité de plus.
   *[other] Scanner { $n } unités de plus.
 }
remedy-scan-ordered-drug = Scanner { $ordered }.
remedy-scan-other-bag = Scanner une autre poche.
remedy-scan-running-bag = Scannez la poche en cours.
remedy-see-record = Voir la note de { $at }.
remedy-set-clock = Connecter le chariot pour régler son horloge.
remedy-set-pump = Réglez à nouveau la pompe : { $ordered }.
remedy-set-rate = Régler le débit à { $rate }.
remedy-sign-in = Une personne habilitée doit se connecter.
remedy-state-emergency = { $missing ->
    [reason] En cas d’urgence, indiquez ce motif ; sinon demandez au prescripteur.
    [dose] Indiquez la dose.
    [route] Indiquez une voie permise en urgence.
    [over] Réduisez la dose au maximum permis en urgence.
   *[units] Indiquez la dose dans une unité comparable au dosage du produit.
 }
remedy-stop-other-bag = Arrêter d'abord la poche { $bag }.
remedy-take-less = Donner { $amount } seulement.
remedy-take-other-pack = Prendre une autre boîte.
remedy-tell-pharmacy = Prévenir la pharmacie : { $barcode }.
remedy-tell-support = Ne pas administrer. Prévenir l'assistance.
remedy-use-own-supply = Utilisez le médicament personnel du patient, s’il est là.
remedy-use-route = Administrer par { $route }.
remedy-wait-for-lease = Attendre un instant, puis scanner de nouveau le médicament.
remedy-wait-for-total = Au plus tôt { $at }.
remedy-watch-for = Surveillez l’interaction avec { $other }.
remedy-test-skin = Faites le test cutané pour { $drug }, lisez-le à temps et notez le résultat.
remedy-watch-allergy = Surveillez de près, trousse d’anaphylaxie à portée.
remedy-watch-patient = Toléré auparavant ; surveiller le patient.
remedy-weigh-patient = Peser le patient.

reason-emergency = Urgence
reason-prescriber-confirmed = Confirmé par le prescripteur
reason-pharmacist-confirmed = Confirmé par le pharmacien
reason-off-ward = Patient hors du service
reason-npo = À jeun
reason-procedure = Intervention
reason-refused = Refus du patient
reason-vomited = Vomissement
reason-unavailable = Médicament indisponible
reason-band-missing = Bracelet absent
reason-band-unreadable = Bracelet illisible
reason-band-isolation = Isolement, bracelet inaccessible
reason-label-unreadable = Étiquette du médicament illisible
reason-label-missing = Étiquette du médicament absente
reason-label-unknown = Étiquette du médicament inconnue
reason-scanner-fault = Panne du lecteur
reason-network-down = Panne du réseau
reason-battery = Batterie vide
reason-clinical-judgement = Jugement clinique (avec texte)

route-PO = par la bouche
route-IV = intraveineuse
route-IM = intramusculaire
route-SC = sous-cutanée
route-SL = sous la langue
route-PR = rectale
route-TOP = sur la peau
route-TD = transdermique
route-INH = inhalée
route-NG = par sonde nasogastrique
route-OPH = dans l'œil
route-OT = dans l'oreille
route-NAS = dans le nez

status-completed = administré
status-not-done = non administré
status-in-progress = en cours
status-on-hold = suspendu
status-stopped = arrêté
status-entered-in-error = saisi par erreur

action-give = Administrer
action-hold = Suspendre
action-refuse = Refus
action-not-given = Non administré
action-start = Démarrer
action-stop = Arrêter
action-remove = Retirer
action-waste = Jeter
action-rate = Changer le débit
action-assess = Noter l’effet
action-undo = Annuler une saisie

observation-heart-rate = fréquence cardiaque
observation-systolic = tension systolique
observation-diastolic = tension diastolique
observation-respiratory-rate = fréquence respiratoire
observation-spo2 = saturation en oxygène
observation-glucose = glycémie
observation-potassium = kaliémie
observation-temperature = température
observation-pain = score de douleur
observation-sedation = score de sédation
observation-creatinine = créatinine
observation-inr = INR

# D’où viennent les faits.
fact-source = { $what } : { $origin }{ $ref ->
    [none] { "" }
   *[other] { " " }{ $ref }
 }{ $at ->
    [none] { "" }
   *[other] , { $at }
 }
origin-scan = lecture
origin-keyed = saisie
origin-order = prescription
origin-schedule = horaire
origin-product = livret
origin-patient = patient
origin-observation = mesure
origin-record = dossier
origin-bag = poche
origin-pump = pompe
origin-staff = liste du personnel
origin-cart = chariot
origin-intent = indiqué par le soignant
origin-policy = règles de l’hôpital
span-minutes = { $count } min
span-hours = { $count } h
span-days = { $count } j
