# Le registre de formation
menu-competences = Formations et compétences
competence-told = Ce registre n’éloigne personne d’un patient : ce qui manque est seulement signalé.
competence-cart = Utilisation du chariot
competence-high-alert = Médicaments à haut risque
competence-pump = Pompes et pousse-seringues
competence-blood-controlled = Sang et stupéfiants
competence-downtime = Procédure en mode dégradé
competence-fleet = Gestion de la flotte (chariots simulés)
competence-is-held = Acquise
competence-is-soon = Expire bientôt
competence-is-expired = Expirée
competence-is-missing = Manquante
competence-passed = Réussi
competence-not-passed = Non réussi
competence-withdrawn = Saisi par erreur, retiré
competence-corrected = (corrigé)
competence-show-all = Tous
competence-show-due = Manquantes ou expirées
competence-show-soon = Expirent sous 30 jours
competence-all-wards = Tous les services
competence-nobody = Personne.
competence-export = CSV
competence-at-cart = À la connexion au chariot
competence-at-cart-warn = Le chariot signale une compétence manquante ou expirée, dès que l’hôpital tient ce registre. Aucune dose n’est bloquée.
competence-at-cart-off = Les chariots ne signalent rien.
competence-choose-warn = Signaler
competence-choose-off = Ne rien signaler
competence-enter = Saisir une évaluation
competence-what = Objet
competence-result = Résultat
competence-held-on = Jour
competence-valid = Valable jusqu’au
competence-valid-help = Vide : sans fin. Compte si c’est réussi.
competence-for-good = sans fin
competence-assessor = Évalué par
competence-assessor-help = Vide : vous.
competence-note = Remarque
competence-corrects = Corrige la ligne
competence-corrects-none = aucune, c’est une nouvelle
competence-corrects-help = L’ancienne ligne reste, barrée. Une correction exige son motif en remarque.
competence-not-own = Personne ne saisit le sien : demandez à un autre cadre ou à un administrateur.
competence-log = Saisies
competence-none = Aucune saisie.
competence-own = Mes formations
competence-saved = Enregistré.
competence-due = Formations manquantes : { $n }
audited-competence-any = Registre de formation
help-competences-for = Qui a été formé et évalué, en quoi, et jusqu’à quand.
help-competences-next =
    Regardez d’abord ce qui expire sous 30 jours et ce qui manque.
    Touchez un nom pour saisir une évaluation.
    Aucune dose n’est bloquée à cause de ce registre.
help-competence-for = Les formations et évaluations d’une personne.
help-competence-next =
    Saisissez l’objet, le résultat, le jour et la fin de validité.
    Si une ligne était fausse, choisissez-la pour la corriger : elle reste, barrée.
help-competence-own-for = En quoi vous êtes formé, et jusqu’à quand.
help-competence-own-next =
    Ce qui manque : demandez un jour à votre cadre.
    Une ligne fausse : demandez au cadre de la corriger.
