tile-emr-late = enregistrements attendent le dossier patient depuis plus de cinq minutes
emr-late = Un enregistrement attend le dossier patient depuis { $age } : voyez pourquoi, et prévenez l’informatique si le dossier patient ne répond pas. Ce qui a été administré reste enregistré.
emr-reasons = Pourquoi des enregistrements sont retenus
emr-one-by-one = Cherchez chacun d’eux dans le dossier patient avant de le renvoyer : envoyés ensemble, ils pourraient être en double.
requeue-all = { $count ->
    [one] Renvoyer { $count } enregistrement
   *[other] Renvoyer { $count } enregistrements
 }
requeue-all-rebuild = Reconstruire et envoyer
done-requeue-all = { $count ->
    [0] Il n’y avait rien à renvoyer.
    [one] Un enregistrement est renvoyé.
   *[other] { $count } enregistrements sont renvoyés.
 }
emr-kind-device = chariot { $cart }
emr-kind-blocked = dose arrêtée, non administrée
emr-fault-none = Raison inconnue.
emr-fault-other = Autre raison ({ $reason }).
emr-fault-emr-unavailable = Le dossier patient n’est pas joignable ; l’envoi est réessayé automatiquement.
emr-fault-emr-unclear = Le dossier patient a refusé sans dire ce qui ne va pas.
emr-fault-emr-outcome-unknown = On ne sait pas si le dossier patient l’a reçu : vérifiez-y avant de renvoyer.
emr-fault-emr-sending = Le serveur s’est arrêté pendant l’envoi : on ne sait pas si le dossier patient l’a reçu.
emr-fault-emr-rejected = Le dossier patient ne prend pas cet enregistrement.
emr-fault-emr-bundle-invalid = Ce qui a été construit n’est pas valide et n’a donc pas été envoyé.
emr-fault-emr-other-form = Il a été construit pour un autre dossier patient.
emr-fault-emr-start-missing = Il attend l’enregistrement dont il est la suite.
emr-fault-emr-missing = Le dossier patient l’a accepté deux fois et ne le contient pas.
emr-fault-emr-several = Le dossier patient le contient plus d’une fois : supprimez-y le mauvais.
emr-fault-emr-not-taken = Ce dossier patient n’a pas de place pour cela. Ce n’est pas une dose.
emr-fault-emr-sign-in-refused = Le dossier patient refuse le nom ou le mot de passe de ce serveur : prévenez l’informatique.
emr-fault-quantity-unreadable = Une quantité ne peut pas être écrite comme le dossier patient le demande.
emr-fault-program-fault = Une erreur de ce programme : prévenez l’informatique. L’enregistrement est conservé et réessayé.
audited-emr-missing = Introuvable dans le dossier patient
audited-emr-several = En double dans le dossier patient
