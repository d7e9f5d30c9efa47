fleet-tab-alerts = Alertes
fleet-alerts-title = Alertes des chariots
fleet-alerts-critical = { $n ->
    [one] { $n } critique
   *[other] { $n } critiques
}
fleet-alerts-warning = { $n ->
    [one] { $n } avertissement
   *[other] { $n } avertissements
}
fleet-alerts-by-state = État
fleet-alerts-by-severity = Gravité
fleet-alerts-by-ward = Service
fleet-alerts-by-code = Type
fleet-alerts-state-open = ouverte
fleet-alerts-state-snoozed = en sourdine
fleet-alerts-state-resolved = résolue
fleet-alerts-no-filter = Effacer les filtres
fleet-alerts-none = Aucune alerte.
fleet-alerts-none-fit = Aucune alerte ne correspond à ces filtres.
fleet-alerts-found = { $n ->
    [one] { $n } alerte
   *[other] { $n } alertes
}
fleet-alerts-what = Problème
fleet-alerts-who = Prise en charge
fleet-alerts-from-cart = signalé par le chariot
fleet-alerts-from-rule = selon une règle
fleet-alerts-ended = terminée le { $at }
fleet-alerts-mine = Je m’en occupe
fleet-alerts-looked-after = { $who } s’en occupe depuis le { $at }
fleet-alerts-quiet = En sourdine jusqu’au { $at } ({ $who })
fleet-alerts-loud = Fin de la sourdine
fleet-alerts-snooze = Mettre en sourdine
fleet-alerts-snooze-for = Pendant
fleet-alerts-hours = { $n ->
    [one] { $n } heure
   *[other] { $n } heures
}
alert-acknowledged = C’est noté : vous vous en occupez.
alert-snoozed = L’alerte est en sourdine.
alert-snooze-ended = L’alerte n’est plus en sourdine.
alert-fault-hours = Choisissez une durée, 30 jours au plus.
alert-fault-reason = Donnez un motif de 500 caractères au plus.
alert-battery-low = Batterie faible
alert-battery = Charge de la batterie
alert-battery-health = Santé de la batterie
alert-battery-heat = Température de la batterie
alert-camera-fault = Panne de la caméra
alert-certificate-ends = Certificat bientôt expiré
alert-certificate = Jours restants du certificat
alert-chart-old = Données des patients anciennes sur le chariot
alert-chart-age = Âge des données des patients sur le chariot
alert-clock-offset = L’horloge du chariot est décalée
alert-clock = Décalage de l’horloge
alert-disk-low = Disque presque plein
alert-journal-fault = Le chariot ne peut pas écrire son journal
alert-mcu-down = Contrôleur des tiroirs injoignable
alert-drawer-left-open = Tiroir resté ouvert
alert-records-unsent = Des enregistrements ne partent pas
alert-unsent = Enregistrements non envoyés
alert-offline = Chariot injoignable
alert-drift = Réglages différents de ceux voulus
alert-own-alerts = Alertes signalées par le chariot
rules-title = Règles d’alerte
rules-text = Une règle compare ce que disent les chariots à un seuil. L’alerte s’ouvre quand le seuil est dépassé assez longtemps et ne se ferme qu’au retour au-delà d’un second seuil, pour ne pas aller et venir.
rules-none = Aucune règle pour l’instant. Les alertes signalées par les chariots figurent quand même dans la liste.
rule-new = Ajouter une règle
rule-name = Nom de la règle
rule-measure = Mesure
rule-choose = choisir une mesure
rule-beyond-above = au-dessus de
rule-beyond-below = au-dessous de
rule-unit-min = min
rule-unit-s = s
rule-unit-d = jours
rule-unit-cel = °C
rule-set = Seuil d’ouverture
rule-clear = Seuil de fermeture
rule-clears = se ferme à { $level }
rule-hold = Pendant au moins (minutes)
rule-minutes = { $n } min
rule-every-ward = tous les services
rule-channels = Envoyée par
rule-channels-text = Toujours visible sur cette page.
rule-channel-web = cette page
rule-channel-email = courriel
rule-channel-webhook = webhook
rule-channel-not-set-up = non configuré sur le serveur
rule-enabled = La règle est active
rule-off = désactivée
rule-kept = La règle est enregistrée.
rule-removed = La règle est supprimée.
rule-remove = Supprimer la règle
rule-remove-text = Les alertes ouvertes de cette règle se ferment avec elle.
rule-change-text = L’enregistrement ferme les alertes ouvertes de cette règle ; elles sont réévaluées selon les nouveaux seuils.
rule-fault-name = Donnez un nom de 80 caractères au plus.
rule-fault-choose = Choisissez dans la liste.
rule-fault-number = Écrivez un nombre.
rule-fault-bounds = Ce seuil est hors des limites de la mesure.
rule-fault-clear = Le seuil de fermeture se trouve du côté sûr du seuil d’ouverture.
rule-fault-hold = Écrivez des minutes entières, de 0 à 10080.
rule-fault-changed = Quelqu’un vient de modifier cette règle. Rechargez la page.
rule-fault-many = Il y a trop de règles.
notices-title = Envois
notices-none = Rien n’a encore été envoyé.
notices-given-up = { $n ->
    [one] { $n } avis d’alerte n’a pas pu être envoyé.
   *[other] { $n } avis d’alerte n’ont pas pu être envoyés.
}
notice-made = Créé
notice-channel = Par
notice-alerts = Alertes
notice-state = État
notice-state-waiting = en attente
notice-state-sent = envoyé
notice-state-given-up = non envoyé
notice-tries = { $n ->
    [one] { $n } essai
   *[other] { $n } essais
}
notice-send-again = Envoyer à nouveau
notice-again = L’avis sera envoyé à nouveau.
audited-alert-rule-keep = Règle d’alerte enregistrée
audited-alert-rule-remove = Règle d’alerte supprimée
audited-alert-snooze = Alerte mise en sourdine
audited-alert-acknowledge = Alerte prise en charge
audited-alert-notice-again = Avis d’alerte renvoyé
