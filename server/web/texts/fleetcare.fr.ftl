care-title = Entretien des chariots
care-open = À faire
care-late = En retard
care-soon = Sous 30 jours
care-later = Plus tard
care-filter-late = En retard
care-filter-soon = À échéance sous 30 jours
care-none = Rien à faire ici.
care-kind = Travail
care-kind-battery = Remplacement de la batterie
care-kind-cleaning = Nettoyage et désinfection
care-kind-inspection = Contrôle périodique
care-kind-calibration = Étalonnage
care-kind-other = Autre travail
care-due = Échéance
care-repeat = Répétition
care-once = une fois
care-every = { $n ->
    [one] chaque jour
   *[other] tous les { $n } jours
}
care-note = Remarque
care-report = Rapporter
care-on = Fait le
care-do = C’est fait
care-drop = Ne sera pas fait
care-new = Prévoir un travail
care-plan = Prévoir
care-planned = Prévu pour le chariot { $cart }.
care-done = Noté comme fait.
care-done-next = Noté comme fait. Prochaine échéance : { $day }.
care-dropped = Retiré du calendrier.
care-history = Déjà fait
care-by = par { $who }
care-was-dropped = non fait : { $why }
care-asset = Inventaire
care-asset-tag = Étiquette d’inventaire
care-asset-serial = N° de série
care-asset-model = Modèle
care-asset-purchased-on = Acheté le
care-asset-warranty-until = Garantie jusqu’au
care-asset-ward-home = Service d’attache
care-asset-note = Remarque
care-asset-kept = Les données d’inventaire sont enregistrées.
care-warranty-over = garantie expirée
care-assets = Importer l’inventaire depuis un CSV
care-assets-text = Un fichier UTF-8, une ligne par chariot, les dates comme 2026-03-02. Une faute dans une ligne et rien n’est enregistré. Colonnes :
care-assets-csv = Télécharger l’existant
care-file = Fichier CSV
care-import = Importer
care-imported = { $n ->
    [one] { $n } chariot importé.
   *[other] { $n } chariots importés.
}
care-problems = Rien n’a été enregistré : { $n ->
    [one] { $n } faute.
   *[other] { $n } fautes.
}
care-line = Ligne { $n }
care-fault-kind = Ce type de travail n’existe pas.
care-fault-day = Date invalide. Écrivez-la comme 2026-03-02.
care-fault-days = Un nombre de jours de 1 à 3660.
care-fault-cart = Ce chariot est inconnu.
care-fault-cart-name = Ce n’est pas un nom de chariot : 1 à 64 caractères A-Z a-z 0-9 _ -.
care-fault-done = Ce jour-là n’est pas possible.
care-fault-why = Indiquez la raison.
care-fault-long = Trop long.
care-fault-tag-taken = Un autre chariot porte déjà cette étiquette.
care-fault-twice = Ce chariot figure deux fois dans le fichier.
care-fault-file = Le fichier n’est pas un CSV en UTF-8.
care-fault-file-head = L’en-tête doit avoir une colonne cart, et aucune colonne en double.
care-fault-file-large = Le fichier est trop volumineux.
audited-cart-care-plan = Travail sur un chariot prévu
audited-cart-care-done = Travail sur un chariot fait
audited-cart-care-drop = Travail sur un chariot abandonné
audited-cart-asset-set = Inventaire d’un chariot modifié
audited-cart-asset-import = Inventaire des chariots importé
help-fleet-care-for = Les travaux sur les chariots : ce qui est dû, en retard, et qui l’a fait.
help-fleet-care-next =
    Faites d’abord ce qui est en retard, puis appuyez sur Rapporter.
    Un travail périodique revient de lui-même.
    Le fichier iCalendar va dans votre propre agenda.
