# Prescriptions d’autres systèmes.
clarify-newer-version-unreadable = l’expéditeur a une version plus récente, illisible ({$value})
clarify-held-by-sender = l’expéditeur a suspendu cette prescription
