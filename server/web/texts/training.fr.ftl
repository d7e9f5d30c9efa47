training-banner = FORMATION – pas de vrais patients
training-name = Serveur de formation
audited-training-begun = Base de données de formation mise en service
