care-pressure-turned = La tension diastolique doit être inférieure à la systolique.
care-value-twice = La même valeur figure deux fois.
notice-pressure-turned = La tension diastolique doit être inférieure à la systolique.
