# La conservation dans le journal d'audit.
audited-retention-erase = Données de machines effacées après leur durée de conservation
audited-retention-hold = Gel juridique posé, rien n'est effacé
audited-retention-release = Gel juridique levé
