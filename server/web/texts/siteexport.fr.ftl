# Les exports en formats ouverts.
audited-export-site = Toutes les données du site exportées
audited-export-patient = Toutes les données d'un patient exportées
