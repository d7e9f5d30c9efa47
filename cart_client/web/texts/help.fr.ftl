# Aide sur place au chariot : ce que l’écran demande, ce que disent mots et marques, quelles touches servent.
help-key = Aide pour cet écran (touche ?)
help-title = Aide
help-close = Fermer
help-failed = L’aide n’a pas pu être chargée. L’écran n’a pas changé ; réessayez.
help-for = À quoi sert cet écran
help-next = Que faire ensuite
help-marks = Les marques de l’écran
help-keys = Touches utilisables
help-chapter = Lire la suite : { $chapter }
help-back = Retour
help-other-language = Ce guide n’existe pas encore en français.
help-phone = Vous utilisez un téléphone : scannez avec son appareil photo. Sans réseau, rien n’est enregistré.
help-key-help = ouvre cette aide
help-key-escape = ferme l’aide ; sans aide : efface le code en cours de saisie, ferme ce qui est ouvert
help-key-tab = passe au bouton ou au champ suivant
help-key-enter = active le bouton choisi
help-mark-overdue = l’heure est passée et rien n’est enregistré
help-mark-due = c’est l’heure, dans la plage permise
help-mark-waiting = la pharmacie est prévenue, le médicament est attendu
help-mark-upcoming = l’heure n’est pas encore venue
help-mark-given = enregistrée : le patient l’a prise
help-mark-not-given = enregistrée : non donnée, avec un motif
help-mark-in-progress = une perfusion est en cours
help-mark-on-demand = seulement si le patient en a besoin
help-mark-open = vérifiée, et personne n’a dit si elle a été prise : répondez d’abord à cela
help-mark-unknown = la prescription ne dit pas quand ; demandez au prescripteur, le chariot ne devine pas
help-tick-here = l’enregistrement est en sûreté sur le chariot, même sans courant
help-tick-server = le serveur a l’enregistrement
help-tick-emr = le dossier patient l’a accepté
help-idle-for = Le chariot attend que vous vous connectiez. Aucun patient n’est nommé sur cet écran.
help-idle-next =
    Présentez votre badge à la caméra jusqu’au cadre jaune.
    Illisible : ouvrez « Badge illisible » et tapez son numéro.
help-badge-for = Votre badge est lu. Le code PIN dit que c’est bien vous.
help-badge-next =
    Tapez le code et touchez OK. Échap efface la saisie.
    Ce n’est pas votre badge : touchez Annuler.
help-round-for = Les patients par lit, et leurs doses de ces heures.
help-round-next =
    Allez au lit de la dose la plus urgente et scannez le bracelet du patient.
    Toucher un lit ne fait que le montrer ; pour donner, il faut scanner le bracelet.
    Une dose NON CONFIRMÉE : répondez-y avant toute autre chose.
help-look-for = Vous regardez un patient dont le bracelet n’a pas été scanné. Rien ne peut être enregistré ici.
help-look-next =
    Scannez le bracelet de ce patient pour commencer.
    La flèche ramène à la liste.
help-patient-for = Le bracelet a ouvert ce patient. Voici ses prescriptions.
help-patient-next =
    Lisez nom, date de naissance et allergies, et demandez au patient.
    Scannez chaque unité du médicament.
    Impossible à donner : à cette prescription, choisissez « Non donné » et le motif.
help-drug-for = Ce médicament n’a pas pu être vérifié ; il ne peut pas encore être donné.
help-drug-next =
    Recommencez et scannez à nouveau. Si rien ne change : ne le donnez pas ; appelez l’assistance.
help-concluded-for = C’est enregistré. Trois marques disent où en est l’enregistrement.
help-concluded-next =
    La première marque suffit : continuez, même sans réseau.
    Scannez le médicament suivant, ou le bracelet d’un autre patient.
    Une erreur : ouvrez « Corriger une erreur de saisie ».
help-act-for = Vous allez enregistrer quelque chose sur une dose existante : arrêt, pause, retrait ou correction.
help-act-next =
    Faites-le au lit, puis touchez pour confirmer.
    Pas fait : touchez le bouton qui le dit ; rien n’est enregistré.
help-pass-for = Tout concorde : ce médicament, pour ce patient, maintenant.
help-pass-next =
    Donnez-le et regardez le patient le prendre. Confirmez seulement ensuite.
    Pas pris : choisissez « Non donné » et le motif.
help-stop-for = À ne pas donner maintenant. Personne ne peut passer outre au lit.
help-stop-next =
    Reposez le médicament. Lisez la ligne avec la flèche → : elle dit ce qui devrait changer.
    Dans le doute, demandez au pharmacien ou au prescripteur. Fermer l’aide ne change pas ce verdict.
help-changed-for = Quelque chose a changé après la vérification, et l’écran dit maintenant STOP.
help-changed-next =
    Pas encore donné : reposez le médicament.
    Le patient l’a déjà pris : dites exactement cela sur cet écran.
help-warn-for = Peut être donné, mais il y a quelque chose à lire d’abord.
help-warn-next =
    Lisez tout, puis touchez « Lu – continuer », ou reposez le médicament.
help-reason-for = Quelque chose diffère de la prescription ou de l’habitude. Pour donner malgré tout, il faut un motif.
help-reason-next =
    Lisez ce que le chariot a trouvé. Corrigez si vous pouvez.
    Donner malgré tout : choisissez le vrai motif. Un pharmacien le reverra.
help-witness-for = Ce médicament demande une deuxième personne qui vérifie par elle-même.
help-witness-next =
    La deuxième personne présente son propre badge et tape son propre code. Un badge ne se prête pas.
    Personne : reposez le médicament.
help-choose-for = Plusieurs prescriptions correspondent à ce médicament. Le chariot ne devine pas.
help-choose-next =
    Choisissez la prescription et l’heure que vous exécutez.
help-more-for = Cette dose demande d’autres unités.
help-more-next =
    Scannez l’unité suivante ; un scan pour chacune.
    Seulement une partie : ouvrez cette question et dites pourquoi.
help-amount-for = Le chariot doit savoir ce que le patient reçoit vraiment.
help-amount-next =
    Saisissez nombre et unité : 2,5 mg et 2.5 mg sont compris. 1.000 et 1,000 ne le sont pas : ils se lisent de deux façons.
    Ce qui est jeté se saisit aussi, avec un témoin si on le demande.
help-measure-for = Une valeur doit être mesurée avant de donner ce médicament.
help-measure-next =
    Mesurez maintenant et saisissez la mesure. Le chariot juge à nouveau avec elle.
    Mesure impossible : dites pourquoi.
help-rate-for = Le chariot doit connaître le débit que vous avez réglé, pour le comparer à la prescription.
help-rate-next =
    Aux gouttes : saisissez les gouttes par minute et choisissez la tubulure. À la pompe : saisissez le débit affiché.
    Lisez-le sur la pompe, pas sur la prescription.
help-blind-for = La deuxième personne calcule seule, sans voir le résultat de la première.
help-blind-next =
    Calculez d’après la prescription et l’étiquette, puis saisissez nombre et unité.
    Les deux diffèrent : recalculez ensemble.
help-count-for = Avant de prendre un stupéfiant, on compte ce qu’il y a dans le tiroir.
help-count-next =
    Comptez, puis saisissez. Ne saisissez pas ce que vous croyez juste.
    Comptage impossible : choisissez un motif.
help-care-drugs-for = Les médicaments du jour, à montrer au patient ou à sa famille.
help-care-drugs-next =
    Montrez l’écran, expliquez, puis notez la réponse.
    Une question : écrivez-la et choisissez qui y répondra.
help-care-vitals-for = Saisir les constantes qui viennent d’être mesurées.
help-care-vitals-next =
    Saisissez ce qui a été mesuré ; laissez le reste vide.
    Une valeur étrange est redemandée : mesurez à nouveau avant de cocher.
help-care-late-for = Saisir après coup une dose donnée plus tôt, qui n’a pas pu être enregistrée alors.
help-care-late-next =
    Choisissez la dose, l’heure réelle, la quantité et pourquoi c’est tardif.
    Ce qui a eu lieu n’est jamais refusé ; le chariot dit ce qu’il faut savoir.
help-care-handover-for = Relève : ce qui reste ouvert à chaque lit.
help-care-handover-next =
    Lisez ensemble, répondez aux doses ouvertes, puis transmettez ou reprenez.
help-care-emergencies-for = Commencer le suivi d’une anaphylaxie, ou ouvrir celui qui est en cours.
help-care-emergencies-next =
    Soignez d’abord. Touchez le bon lit pour lancer le chronomètre.
help-care-anaphylaxis-for = Le déroulement d’une anaphylaxie, une touche à la fois, à l’heure exacte.
help-care-anaphylaxis-next =
    Soignez d’abord, notez ensuite. Une touche par étape.
    Les chronomètres montrent la dernière adrénaline et la dernière tension.
    À la fin : terminez et saisissez l’issue.
help-witness-call-for = Un infirmier d’un autre chariot a besoin de votre propre vérification.
help-witness-call-next =
    Connectez-vous avec votre badge et votre code, puis comparez vous-même prescription et médicament.
    Pas certain : refusez, et dites pourquoi. Fermer cette page n’est pas un accord.
help-care-skin-for = Noter le résultat d’un test cutané, avant la première dose d’un médicament que l’hôpital teste.
help-care-skin-next =
    Choisissez le médicament, l’heure du test, puis le résultat lu maintenant.
    Positif : ne donnez pas ce médicament, prévenez le prescripteur. Douteux : demandez d’abord au prescripteur.
