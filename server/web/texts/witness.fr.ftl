# Double contrôle depuis un autre chariot ou téléphone.
audited-witness-asked = Deuxième personne demandée sur d'autres postes
audited-witness-confirmed = Deuxième personne : confirmé sur un autre poste
audited-witness-declined = Deuxième personne : refusé sur un autre poste
audited-witness-refused = Réponse de double contrôle non acceptée
event-witness-declined = La deuxième personne, sur un autre poste, a refusé
event-witness-afar-refused = Confirmation d'un autre poste non acceptée
event-witness-refused = Le porteur du badge ne peut pas être témoin
discrepancy-unproven-witness = Le serveur n'a pas de preuve que le témoin a signé sur l'autre poste
