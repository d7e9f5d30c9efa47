# Signalements au chariot
incident-link = Signaler
incident-title = Signaler un incident ou un presque-accident
incident-told = Personne n'est mis en cause. Une touche sur un type l'envoie. Le chariot joint le patient, la prescription et le verdict.
incident-words = Une ligne si vous avez le temps (facultatif)
incident-reached = Le patient a-t-il été touché ?
incident-reached-no = Non
incident-reached-yes = Oui
incident-reached-unknown = On ne sait pas
incident-anonymous = Ne pas montrer mon nom aux collègues
incident-what = Que s'est-il passé ? Touchez pour envoyer
incident-kind-wrong-patient = Erreur de patient
incident-kind-wrong-drug = Erreur de médicament
incident-kind-wrong-dose = Erreur de dose
incident-kind-wrong-time = Erreur d'heure
incident-kind-omitted = Dose oubliée
incident-kind-wrong-route = Erreur de voie
incident-kind-wrong-rate = Erreur de débit
incident-kind-allergy = Allergie ou réaction connue
incident-kind-look-alike = Noms ou aspects semblables
incident-kind-label = Étiquette, code-barres ou bracelet
incident-kind-order = Prescription
incident-kind-device = Chariot, lecteur ou logiciel
incident-kind-workaround = Contournement nécessaire
incident-kind-other = Autre
notice-incident-reported = Le signalement est en sécurité sur le chariot, qui l'enverra seul. Merci.
help-care-incident-for = Signaler un incident ou un presque-accident en quelques secondes.
help-care-incident-next =
    Touchez ce que c'était : c'est envoyé. Ne recopiez aucun numéro.
    Le patient d'abord ; le signalement peut attendre.
