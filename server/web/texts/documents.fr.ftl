menu-documents = Formulaires (PDF)
documents-text = Les formulaires du dossier médicamenteux en fichiers PDF, avec un code de vérification et une signature électronique si l’hôpital l’a configurée. Ouvrez un patient ou un service pour en établir un nouveau.
documents-of-ward = Formulaires d’un service
documents-no-ward = Vous n’appartenez encore à aucun service.
documents-issued = Émis
documents-none = Aucun formulaire pour l’instant.
documents-of = Formulaires : { $name }
documents-make = Établir un nouveau formulaire
document-make = Établir
documents-make-each = Établir pour les { $n } patients
documents-each = Un formulaire par patient ({ $n } patients)
documents-each-text = Ils sont établis l’un après l’autre ; vous pouvez quitter cette page et y revenir.
documents-nobody = Aucun patient dans ce service.
documents-progress = { $done } formulaires établis sur { $of }
documents-making = En cours…
documents-cut = Le serveur s’est arrêté en cours de route. Les formulaires ci-dessous sont valables ; établissez à nouveau ceux qui manquent.
documents-failed = { $n } formulaires n’ont pas pu être établis :
documents-print-all = Tout ouvrir en un seul fichier pour imprimer
documents-print-all-text = Le fichier réuni sert seulement à l’impression ; les signatures sont dans les fichiers séparés.
document-form = Formulaire
document-about = Concerne
document-period = Période
document-made = Émis le
document-version = Numéro d’émission
document-pages = { $n ->
    [one] { $n } page
   *[other] { $n } pages
}
document-code = Code
document-of-moment = situation à l’émission
document-whole-stay = Du premier enregistrement du séjour jusqu’à maintenant.
document-now = Situation à cet instant.
document-signed = signé
document-unsigned = Non signé
document-signatures = Signatures électroniques
document-open = Ouvrir le PDF pour imprimer
document-not-kept = Le délai de conservation du fichier est écoulé. Établissez-en un nouveau si nécessaire.
document-issued = Le formulaire est émis. Ouvrez le PDF pour le voir et l’imprimer.
document-newer = Voir l’émission plus récente
document-withdraw = Retirer ce formulaire
document-withdrawn = Il est retiré. Quiconque vérifie ce code voit que le formulaire n’est plus valable.
document-look-up = Vérifier un formulaire
document-public-text = Cette page ne montre rien du patient. Le personnel autorisé se connecte pour voir et comparer tout le formulaire.
document-state-issued = Émis
document-state-current = Authentique et valable
document-state-current-text = Cet hôpital a émis le formulaire, et il correspond toujours au dossier électronique.
document-state-of-moment = Authentique, situation à l’émission
document-state-of-moment-text = Cet hôpital a émis le formulaire. Il décrit la situation au moment de l’émission ; elle a pu changer.
document-state-changed = Authentique, mais le dossier a changé
document-state-changed-text = Cet hôpital a émis le formulaire, mais le dossier a été complété ou corrigé depuis. Demandez-en un nouveau.
document-state-replaced = Remplacé
document-state-replaced-text = Cet hôpital a émis le formulaire, mais un plus récent l’a remplacé. N’utilisez plus celui-ci.
document-state-withdrawn = Retiré
document-state-withdrawn-text = Cet hôpital a émis le formulaire, puis l’a retiré. Il n’est plus valable.
document-state-unknown = Introuvable
document-state-unknown-text = Cet hôpital n’a émis aucun formulaire avec ce code. Saisissez à nouveau le code ; s’il est bien celui du papier, le papier ne vient pas de cet hôpital.
document-fault-press = Le formulaire n’a pas pu être établi et rien n’a été émis. Essayez une période plus courte ou prévenez un administrateur.
document-fault-press-busy = D’autres formulaires sont en cours. Réessayez dans une minute.
document-fault-signing = Le formulaire n’a pas pu être signé, il n’a donc pas été émis. Réessayez ou demandez à un administrateur de vérifier la signature.
document-fault-remote-signer = Le prestataire de signature ne répond pas, le formulaire n’a donc pas été émis. Réessayez plus tard.
document-fault-config = Les réglages des formulaires de l’hôpital ont un défaut, rien n’a été émis. Prévenez un administrateur.
audited-document-issue = A émis un formulaire
audited-document-withdraw = A retiré un formulaire
audited-document-batch = A établi les formulaires d’un service
audited-view-document = A consulté un formulaire
document-book = Registre (PDF)
document-handover = Fiche de transmission (PDF)
help-documents-for = Les formulaires du dossier médicamenteux en PDF : établir, ouvrir pour imprimer, vérifier, retirer.
help-documents-next =
    Choisissez le formulaire et les jours, puis établissez-le ; ouvrez le PDF, vérifiez le nom du patient, puis imprimez.
    Si le dossier est corrigé après l’impression, établissez-en un nouveau : l’ancien signale lui-même le changement à la vérification.
    Ce qui a été imprimé par erreur est retiré avec un motif (cadre infirmier, pharmacien).
help-document-look-for = Indique si cet hôpital a émis un papier et s’il correspond toujours au dossier.
help-document-look-next =
    Comparez le code à l’écran avec celui du papier.
    S’il est modifié, remplacé ou retiré : n’utilisez pas ce papier, demandez-en un nouveau.
