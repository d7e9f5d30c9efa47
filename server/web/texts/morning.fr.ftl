morning-title = Ce qui attend encore
morning-oldest = le plus ancien {$age}
morning-overrides = Alertes outrepassées
morning-discrepancies = Écarts
morning-dose-request = Doses manquantes
morning-unknown-barcode = Codes-barres inconnus
morning-label-trouble = Étiquettes illisibles
keys-title = Touches
keys-next = la prescription suivante
keys-previous = la prescription précédente
keys-verify = au bouton « Valider » ; Entrée l'active
keys-change = écrire une demande de modification
keys-reject = écrire le motif du refus
keys-open = ouvrir le dossier du patient
keys-together = plusieurs prescriptions d'un service
keys-send = envoyer ce qui est écrit
keys-leave = quitter un champ pour retrouver les touches
keys-help = montrer ces touches
keys-text = Les touches sont sans effet pendant la saisie dans un champ. Aucune ne change quoi que ce soit à elle seule. Les flèches se déplacent quand la liste a le focus.
keys-close = Fermer
order-stale = Quelqu'un d'autre a jugé ou modifié cette prescription pendant que la page était ouverte. Les boutons sont désactivés.
order-look-again = Revoir
change-request = Demander une modification
change-request-to = Demande de modification ou question au prescripteur
reject-sure = Refuser cette prescription ?
reject-back = Retour
verify-reason = Pourquoi peut-elle être administrée malgré tout ? (obligatoire)
verify-needs-reason = Une alerte est au niveau ARRÊT. Écrivez pourquoi la prescription peut être administrée malgré tout, ou demandez une modification.
verify-patient-changed = Ce qui est connu du patient a changé pendant que la page était ouverte : allergies, poids, autres prescriptions ou alertes. Revoyez, puis décidez.
beside-creatinine = Créatinine
beside-egfr = DFGe (CKD-EPI 2021)
beside-egfr-value = {$n} mL/min/1,73 m²
beside-clearance = Clairance (Cockcroft-Gault)
beside-clearance-value = {$n} mL/min
beside-low = diminué
beside-none = non mesuré
beside-age = il y a {$age}
findings-title = Alertes de cette prescription
findings-none = Aucune alerte : allergies, voie, unités, poids, autres prescriptions et quantité du jour ont été examinés.
findings-risky = À haut risque, contrôlé ou à double contrôle : regardez avec un soin particulier.
concern-no-patient = Le patient de cette prescription n'a pas pu être lu.
concern-no-product = Aucun produit du livret ne convient : {$ingredient}, {$form}. Ce qui dépend du produit n'a pas pu être vérifié.
concern-same-ingredient = {$name} est déjà prescrit : {$other}.
concern-same-class = Un autre médicament de la classe {$name} est prescrit : {$other}.
concern-interaction-running = Interaction avec {$name}, en cours : {$other}.
concern-day-above = Toutes les prescriptions ensemble donnent {$total} de {$name} en 24 heures ; le maximum est {$limit}.
concern-day-unknown = La quantité de {$name} que donnent toutes les prescriptions en 24 heures n'a pas pu être calculée ; le maximum est {$limit}.
together-title = Plusieurs à la fois
together-choose = Choisir un service
together-text = Seulement les prescriptions où il n'y a rien à peser : aucune alerte, aucune question, aucun médicament à haut risque ou contrôlé, un produit qui convient. Chacune est validée et consignée pour elle-même.
together-one-ward = Choisissez un service. Les prescriptions de plusieurs services ne sont jamais validées ensemble.
together-none = Aucune prescription en attente de ce service n'est sans alerte. Examinez chacune séparément.
together-ready = { $n ->
    [one] Une prescription de {$ward} sans alerte
   *[other] {$n} prescriptions de {$ward} sans alerte
  }
together-all = Les choisir toutes
together-will = Prescriptions qui seront validées, chacune en votre nom :
together-sure = J'ai regardé chacune des prescriptions choisies
together-verify = Valider les prescriptions choisies
together-rest = { $n ->
    [one] Une prescription à examiner séparément
   *[other] {$n} prescriptions à examiner séparément
  }
together-rest-text = Celles-ci ne sont jamais validées ensemble.
together-findings = { $n ->
    [one] une alerte
   *[other] {$n} alertes
  }
together-risky = à haut risque ou contrôlé
together-unclear = pas clair
together-none-chosen = Choisissez au moins une prescription.
together-not-sure = Cochez que vous les avez toutes regardées ; rien n'a été validé.
together-done = { $n ->
    [one] Une prescription est validée.
   *[other] {$n} prescriptions sont validées.
  }
together-comment = validée avec d'autres
due-patients = Qui doit en recevoir
due-patients-text = Patients dont une prescription en cours correspond à ce produit, avec la prochaine dose. Les chariots arrêtent les lots rappelés ; un autre lot peut être administré.
due-none = Personne n'a de prescription en cours qui corresponde à ce produit.
due-next = Prochaine dose
due-as-needed = si besoin
recall-stops = Les chariots l'arrêtent-ils ?
recall-siblings = Autres conditionnements de ce produit
recall-siblings-text = Ce rappel n'arrête que le code-barres ci-dessus. Si un autre conditionnement porte aussi ce lot, rappelez-le également :
recall-also = Rappeler aussi {$gtin}
due-cut = La liste est coupée, l'export aussi. Vérifiez service par service.
