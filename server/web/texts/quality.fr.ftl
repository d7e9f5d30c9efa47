# La page qualité, l'écran mural et le radar des omissions.
menu-quality = Qualité
quality-text = Chaque chiffre est celui d'un groupe, jamais d'une personne. Les groupes de moins de {$people} personnes ou de {$doses} doses ne sont pas affichés.
quality-counted = Dernier comptage à {$at}.
quality-simulated = Les jours jusqu'au {$day} sont simulés pour essayer la page ; aucun enregistrement n'existe derrière eux.
quality-empty = Aucun chiffre pour cette période
quality-empty-text = Les chiffres sont comptés toutes les quelques minutes à partir des doses enregistrées. Choisissez une période plus longue ou une autre unité.
quality-nothing = Rien à afficher pour cette période.
quality-period = Période
quality-until = Jusqu'à la semaine du
quality-weeks = { $n ->
    [one] {$n} semaine
   *[other] {$n} semaines
}
quality-csv-all = Tout en CSV
quality-parts = Parties de la page
quality-how = Comment est-ce compté ?
quality-withheld = non affiché : groupe trop petit
quality-remark = Remarque
quality-chart-of = Graphique « {$name} ». Les mêmes chiffres sont dans le tableau ci-dessous.
quality-target = seuil de {$n}
quality-median = médiane
quality-week-of = Semaine du {$day}
quality-part-wards = Unités
quality-part-scan = Lecture des codes
quality-part-omitted = Omissions et horaires
quality-part-alerts = Alertes
quality-part-signs = Signes de contournement
quality-part-time = Temps
quality-signs-care = Un signe n'est pas une preuve : chacun peut avoir une bonne raison. Servez-vous-en pour demander où le travail bloque (codes illisibles, chariot trop large pour la chambre, réseau coupé), pas pour chercher un fautif.
quality-label-week = Semaine
quality-label-hour = Heure prescrite
quality-label-word = Type
quality-label-ward = Unité
quality-label-product = Médicament
quality-label-rule = Règle
quality-label-reason = Motif
quality-label-sign = Signe
quality-col-n = Doses
quality-col-of = Sur
quality-col-percent = Part
quality-col-low = IC 95 % de
quality-col-high = à
quality-col-median = Médiane
quality-col-slow = 90 % sous
quality-col-on-time = À l'heure
quality-col-early = En avance
quality-col-late = En retard
quality-col-not-given = Non administrées
quality-col-omitted = Omises
quality-col-signs = Signes pour 100 doses
quality-col-heeded = Suivie
quality-col-open = Sans suite
quality-col-scan-out-n = Enregistrements
quality-col-wards-of = Doses
quality-col-wards-percent = Les deux codes lus
quality-col-rules-n = Administrée malgré tout
quality-col-rules-of = Affichée
quality-col-rules-percent = Part administrée malgré tout
quality-col-levels-n = Suivies
quality-col-levels-of = Affichées
quality-col-levels-percent = Part suivie
quality-col-products-n = Code non lu
quality-col-signs-week-n = Signes
quality-col-signs-week-of = Doses
quality-col-signs-week-percent = Pour 100 doses
quality-col-due-hour-of = Doses prévues
quality-col-omitted-week-of = Doses prévues
quality-col-times-of = Doses
quality-col-times-week-of = Doses
quality-row-both = Patient et médicament lus
quality-row-patient = Bracelet lu
quality-row-drug = Code du médicament lu
quality-row-charted = Doses administrées
quality-row-out-not-given = Hors calcul : non administrée, avec motif
quality-row-out-withdrawn = Hors calcul : enregistrement annulé comme erreur
quality-row-out-emergency = Hors calcul : médicament d'urgence sans prescription
quality-row-out-downtime = Hors calcul : saisie après une panne du chariot ou du réseau
quality-row-out-no-code = Hors calcul : médicament sans code à l'unité
quality-row-due-on-time = À l'heure
quality-row-due-early = En avance
quality-row-due-late = En retard
quality-row-due-not-given = Non administrée, avec motif
quality-row-due-omitted = Omise : rien n'a été saisi
quality-row-level-warn = Avertissement (un appui)
quality-row-level-reason = Motif demandé
quality-row-level-witness = Deuxième personne demandée
quality-row-level-stop = Arrêt
quality-row-time-plain = Doses sans alerte
quality-row-time-alert = Doses avec alerte
quality-reason-unsaid = non précisé
quality-flag-wolf = crie au loup
quality-note-wolf = Une règle est presque toujours ignorée. Revoyez son contenu et ses limites avant de rappeler les personnes à l'ordre.
quality-note-shift-up = Les dernières semaines sont toutes au-dessus de la médiane : un vrai changement, pas le hasard.
quality-note-shift-down = Les dernières semaines sont toutes sous la médiane : un vrai changement, pas le hasard.
quality-note-trend-up = Les dernières semaines ne font que monter.
quality-note-trend-down = Les dernières semaines ne font que baisser.
quality-wards = Les unités côte à côte
quality-scan-week = Patient et médicament lus, par semaine
quality-scan-kind = Bracelet lu, médicament lu, les deux
quality-scan-out = Ce qui est compté, ce qui ne l'est pas
quality-typed = Motifs de saisie au clavier
quality-products = Médicaments souvent impossibles à lire
quality-omitted-week = Doses omises, par semaine
quality-due-kind = Ce que sont devenues les doses prévues
quality-due-hour = Doses prévues, par heure prescrite
quality-rules = Administrée malgré une alerte, par règle
quality-levels = Réponse aux alertes
quality-signs = Signes de contournement
quality-signs-week = Signes de contournement, par semaine
quality-times = Temps pour une dose
quality-times-week = Temps pour une dose, par semaine
quality-how-wards = Une ligne par unité, dans l'ordre des noms : ce n'est pas un classement. « Les deux codes lus » est compté comme dans la partie sur la lecture. « Omises » et « en retard » sont des parts des doses prévues. Deux unités ne diffèrent vraiment que si leurs intervalles ne se recouvrent pas.
quality-how-scan-week = Numérateur : doses dont le bracelet et le code du médicament ont été lus par la machine avant l'administration. Dénominateur : toutes les doses administrées au lit, sauf ce qui figure sous « Ce qui est compté, ce qui ne l'est pas ». Un numéro saisi au clavier n'est jamais une lecture. Intervalle à 95 % de Wilson. Seuil de 95 % selon Leapfrog. Les semaines commencent le lundi, selon le jour d'administration ; la semaine en cours n'est pas finie.
quality-how-scan-kind = Les mêmes doses que le graphique par semaine. « Bracelet lu » comprend aussi les médicaments sans code à l'unité : le bracelet, lui, peut être lu.
quality-how-scan-out = Compté : toute dose administrée, aussi quand un code est illisible, qu'un bracelet manque, que le lecteur est en panne ou qu'on a saisi au clavier, car c'est ce qui peut être corrigé. Non compté : doses non administrées ; enregistrements annulés comme erreurs ; médicaments d'urgence listés, sans prescription ; doses saisies plus de 15 minutes après, avec le motif réseau ou batterie et sans aucune lecture ; médicaments que la pharmacie a déclarés sans code à l'unité. Changer un débit, terminer une perfusion et noter un effet ne sont pas des doses.
quality-how-typed = Nombre de saisies au clavier selon le motif indiqué, sur les doses qui comptent pour la lecture du bracelet. Une dose peut avoir deux motifs.
quality-how-products = Doses de ce médicament administrées sans lecture de son code, sur toutes ses doses. Quinze médicaments au plus, les plus fréquents d'abord : la liste à partir de laquelle la pharmacie étiquette ou enregistre les codes.
quality-how-omitted-week = Numérateur : doses dont la fenêtre est close et qui, après 12 heures, n'ont aucun enregistrement, pas même un motif. Dénominateur : toutes les doses prévues, saisies (au jour de la saisie) ou omises (au jour prescrit). Une dose saisie plus tard n'est plus omise.
quality-how-due-kind = « À l'heure » : dans la fenêtre de la règle T1. « En avance », « en retard » : en dehors. « Non administrée » : avec un motif codé. « Omise » : voir plus haut. Les médicaments à la demande n'ont pas d'heure et n'y figurent pas.
quality-how-due-hour = Compté de la même façon, par heure prescrite, à l'heure de l'unité. Les heures avec trop peu de personnes ou de doses ne sont pas affichées.
quality-how-rules = « Affichée » : au niveau d'un avertissement ou plus, et l'affaire a eu une issue. « Administrée malgré tout » : la dose a ensuite été donnée. « Suivie » : arrêtée, abandonnée ou non administrée ; une deuxième personne demandée et présente, c'est une alerte suivie. « Sans suite » : vérifiée puis non prise, comptée d'aucun côté. Le choix d'une prescription (D8) et ce qui ne demande qu'un motif (N1, P6, S1, S6) sont des questions, pas des alertes. « Crie au loup » : la borne basse de l'intervalle dépasse 80 %.
quality-how-levels = Sur le nombre d'affichages à chaque niveau, combien ont été suivis. Compté comme le tableau par règle.
quality-how-signs = Chaque signe a son propre dénominateur : les doses où il aurait pu se produire. Les limites (3, 15 et 30 secondes) sont des choix locaux, indiqués dans la documentation qualité. Certains contournements ne se voient dans aucune donnée.
quality-how-signs-week = Tous les signes pour 100 doses administrées ; une dose peut en avoir plusieurs.
quality-how-times = De la première lecture du médicament à la confirmation de la prise, seulement si elle a été confirmée au moment de l'administration. Compté par classes : la médiane est exacte à sa classe près. Le temps de prise par le patient est compris.
quality-how-times-week = La médiane des doses sans alerte, par semaine.
quality-sign-hasty = Confirmée moins de 3 secondes après la lecture
quality-sign-not-reviewed = Non administrée trois fois de suite, prescription inchangée
quality-sign-without-value = Médicament à valeur seuil donné sans mesure
quality-sign-witness-elsewhere = Le témoin était à un autre chariot à ce moment
quality-sign-old-order = Donnée selon une ancienne prescription, malgré le réseau
quality-sign-band-elsewhere = Un bracelet lu à deux chariots à la fois
quality-sign-several-patients = Deux patients à moins de 15 secondes
quality-sign-pack-again = Une boîte utilisée pour deux doses
quality-sign-one-pack-for-several = Une unité lue deux fois pour une dose de plusieurs
quality-sign-scanned-after = Lue après l'heure d'administration
quality-sign-alert-in-passing = Alerte passée en moins de 3 secondes
quality-sign-two-carts = Une personne à deux chariots à la fois
radar-title = Bientôt en retard
radar-text = Doses ouvertes, celles qui se ferment d'abord en premier. Les minutes vont jusqu'à la fin de la fenêtre de la dose.
radar-deaf = Aucun chariot de l'unité ne répond : des doses qui semblent ouvertes ont pu être données. Demandez au lit du patient.
radar-away = { $n ->
    [one] Pas de contact avec {$carts} : les doses données là ne sont pas encore ici.
   *[other] Pas de contact avec {$carts} : les doses données là ne sont pas encore ici.
}
radar-old = { $n ->
    [one] {$n} dose en retard de plus de 12 heures : voir le tableau de l'unité
   *[other] {$n} doses en retard de plus de 12 heures : voir le tableau de l'unité
}
radar-forecast = { $n ->
    [one] Au rythme de la dernière demi-heure ({$pace} doses), {$n} dose serait en retard.
   *[other] Au rythme de la dernière demi-heure ({$pace} doses), {$n} doses seraient en retard.
}
radar-forecast-none = Au rythme de la dernière demi-heure ({$pace} doses), aucune ne serait en retard.
radar-forecast-unknown = Aucune dose enregistrée dans la dernière demi-heure : pas de prévision.
radar-doses = Par lit
radar-calm = Aucune dose ouverte ni bientôt prévue.
radar-opens = ouvre à {$at}
radar-last = dernier passage au lit : {$at}
radar-never = aucun passage enregistré au lit depuis trois heures
radar-people = Au travail
radar-people-text = Pour savoir à qui demander. Le travail de personne n'est compté.
radar-people-none = Personne vu à un chariot dans la dernière demi-heure.
radar-at-bed = au lit {$bed} en ce moment
radar-seen = vu à {$at}
radar-carts = Chariots de l'unité
radar-carts-none = Aucun chariot ne s'est manifesté depuis 24 heures.
radar-cart-on = en contact
radar-cart-away = sans contact depuis {$at}
radar-unsent = { $n ->
    [one] {$n} enregistrement non envoyé
   *[other] {$n} enregistrements non envoyés
}
wall-title = Écran mural
wall-code-do = Cadre infirmier : ouvrez « Tableau de l'unité › Écrans muraux » et saisissez ce code.
wall-code = Code
wall-code-why = Ne le saisissez que si vous êtes vous-même devant cet écran. Le code n'ouvre rien sans l'écran.
wall-stale = IMAGE PÉRIMÉE – cet écran n'est plus à jour
wall-stale-since = Dernière à
wall-stale-do = Ne vous y fiez pas. Regardez la liste sur les chariots.
wall-noscript = Cet écran a besoin de JavaScript pour rester à jour.
wall-beds = Lits avec des doses ouvertes, les plus urgents d'abord
wall-left = reste {$n} min
wall-over = {$n} min de retard
wall-state-overdue = en retard
wall-state-pressing = bientôt en retard
wall-state-due = à donner
wall-open-at = {$cart} y est
wall-unvisited = pas encore vu
wall-calm = Aucune dose en attente
wall-calm-of = { $n ->
    [one] {$n} patient dans l'unité
   *[other] {$n} patients dans l'unité
}
wall-more = { $n ->
    [one] et {$n} autre lit
   *[other] et {$n} autres lits
}
wall-overdue = En retard
wall-pressing = Moins de 15 min
wall-due = À donner
wall-unvisited-n = Lits pas encore vus
wall-unknown = Heures inconnues
wall-people = { $n ->
    [one] {$n} personne au travail
   *[other] {$n} personnes au travail
}
wall-carts = {$n} chariot(s) sur {$of} en contact
wall-forecast = { $n ->
    [one] À ce rythme, {$n} dose sera en retard
   *[other] À ce rythme, {$n} doses seront en retard
}
wall-as-wall = Comme écran mural
wall-screens = Écrans muraux
wall-add = Admettre un écran
wall-step-open = Sur l'ordinateur de l'écran, ouvrez
wall-step-code = Placez-vous devant l'écran et saisissez le code affiché. L'écran entre dans les {$n} minutes.
wall-add-warn = Un écran voit le tableau d'une seule unité, rien d'autre. Ne saisissez pas un code qu'on vous lit au téléphone.
wall-label = Nom de l'écran
wall-label-eg = Poste de soins, 3e étage
wall-let-in = Admettre
wall-known = Écrans
wall-none = Aucun écran pour l'instant.
wall-seen = Dernière demande
wall-until = Jusqu'au
wall-added = Admis par
wall-end = Mettre fin
wall-end-one = Mettre fin à l'écran {$label}
wall-state-in = affiche
wall-state-waits = attend l'écran
wall-state-missed = l'écran n'est pas venu
wall-state-over = délai écoulé
wall-state-ended = terminé
wall-done-add = Code accepté. L'écran affichera l'unité dans quelques secondes.
wall-done-end = L'écran est terminé et ne voit plus rien de l'unité.
audited-wall-let-in = Écran mural admis
audited-wall-came = Écran mural a commencé à afficher une unité
audited-wall-end = Écran mural terminé
audited-quality-rebuild = Tous les chiffres qualité recomptés
