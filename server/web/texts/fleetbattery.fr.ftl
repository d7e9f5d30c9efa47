battery-title = Batteries des chariots
battery-spread = Santé des batteries de tout le parc
battery-carts = Chariots
battery-unknown = { $n ->
    [one] { $n } chariot n’a pas indiqué la santé de sa batterie.
   *[other] { $n } chariots n’ont pas indiqué la santé de leur batterie.
}
battery-how = Les heures restantes suivent la consommation mesurée de ce chariot, jusqu’à 5 % de charge. Il faut au moins 2 heures sur batterie ; avant, on ne sait pas.
battery-left = Autonomie
battery-load = Consommation
battery-per-hour = { $n } % par heure
battery-hours = { $n } h
battery-between = ({ $least }–{ $most })
battery-unsure = peu sûr
battery-not-known = on ne sait pas
battery-cycles = Cycles de charge
battery-temperature = Température
battery-replace = À remplacer le
battery-replace-now = à remplacer
battery-seen = D’après { $n } heures récentes sur batterie
help-fleet-battery-for = Toutes les batteries : leur autonomie, leur usure, quand les remplacer.
help-fleet-battery-next =
    Les chariots bientôt à plat sont en tête : mettez-les en charge.
    Sous 70 % de santé : prévoyez un remplacement dans la page Entretien.
