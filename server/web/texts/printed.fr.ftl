record-print = Relevé d’administration
record-from = À partir du
record-days = Jours
record-days-n = {$n ->
    [one] {$n} jour
   *[other] {$n} jours
}
record-show = Afficher
record-due = Prévu à
record-done = Fait à
record-no-order = Sans prescription
record-nothing = Rien n’a été noté pendant cette période.
record-empty = Ni prescription ni administration pendant cette période.
record-cut = INCOMPLET : seule la partie la plus récente figure ici. Choisissez moins de jours.
paper-printed = Imprimé le {$at} par {$by}
sheet-title = Feuille de tournée de secours
sheet-text = À imprimer avant une panne : les doses des 12 prochaines heures, par lit. Au retour du système, saisissez toutes les doses données.
sheet-valid = VALABLE JUSQU’AU {$at}
sheet-warning = Les prescriptions postérieures à l’impression n’y figurent pas. Vérifiez toujours bracelet, médicament et allergies.
sheet-given = Donné
sheet-sign = Heure, signature
sheet-last = dernière : {$at}
sheet-last-none = aucune notée
audited-view-print = Impression consultée
