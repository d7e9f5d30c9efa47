# Le moniteur branché au chariot.
monitor-take = Reprendre du moniteur : { $value } { $unit }
monitor-check = Vérifiez que le capteur est bien sur ce patient.
monitor-monitor-away = Le moniteur ne répond pas
monitor-settling = Moniteur : attente d’une valeur stable…
monitor-no-value = Le moniteur n’a pas encore de valeur
monitor-no-sensor = Moniteur : aucun capteur branché
monitor-sensor-broken = Moniteur : capteur défectueux
monitor-sensor-off = Moniteur : le capteur n’est plus au doigt
monitor-searching = Moniteur : recherche du pouls
monitor-low-perfusion = Moniteur : perfusion faible, valeur incertaine
monitor-interference = Moniteur : interférences
monitor-too-much-light = Moniteur : trop de lumière, couvrez le capteur
monitor-sensor-unknown = Moniteur : capteur inconnu
monitor-weak-signal = Moniteur : signal faible, valeur incertaine
monitor-unknown-exception = Le moniteur signale un défaut : comptez et saisissez vous-même
