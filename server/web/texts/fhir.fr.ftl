# Comment le journal nomme ce que d'autres systèmes lisent par FHIR.
audited-view-fhir = Dossiers lus par FHIR
audited-view-fhir-export = Fichier d'une exportation retiré
audited-fhir-token = Jeton remis à un logiciel
audited-fhir-export = Exportation demandée
audited-fhir-export-done = Exportation terminée
audited-fhir-export-failed = Exportation impossible
audited-fhir-export-cancel = Exportation annulée
audited-fhir-export-gone = Fichiers d'une exportation supprimés
audited-fhir-client-register = Logiciel enregistré
audited-fhir-client-revoke = Logiciel révoqué
