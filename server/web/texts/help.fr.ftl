# Aide sur place : à quoi sert une page, que faire ensuite, ce que disent ses marques, quelles touches servent.
help = Aide
help-key = Aide pour cette page (touche ?)
help-title = Aide pour cette page
help-for = À quoi sert cette page
help-next = Que faire ensuite
help-marks = Les marques de la page
help-keys = Touches utilisables
help-close = Fermer l’aide
help-failed = L’aide n’a pas pu être chargée. La page en dessous n’a pas changé ; réessayez.
help-chapter = Lire dans le guide : { $chapter }
help-guides = Guides
help-guides-text = Les guides par tâche, sans images ; avec les images, ils se trouvent dans la documentation du logiciel.
help-contents = Chapitres
help-other-language = Ce guide n’existe pas encore en français ; il est affiché en { $language }.
help-in-vi = vietnamien
help-in-en = anglais
help-in-fr = français
help-key-help = ouvre cette aide
help-key-escape = ferme l’aide ou un menu ouvert
help-key-tab = passe au bouton ou au champ suivant ; Maj + Tab revient en arrière
help-key-enter = active le bouton choisi
help-mark-overdue = l’heure est passée et rien n’est enregistré. Demandez au lit avant de conclure : un chariot sans réseau a pu donner la dose
help-mark-due = c’est l’heure, dans la plage permise
help-mark-upcoming = l’heure n’est pas encore venue
help-mark-given = un enregistrement dit que le patient l’a prise
help-mark-not-given = un enregistrement dit qu’elle n’a pas été donnée, avec le motif
help-mark-in-progress = une perfusion a commencé et n’est pas terminée
help-mark-times-unknown = la prescription ne dit pas quand ; le prescripteur doit préciser, rien n’est deviné
help-mark-allergies-unknown = personne n’a demandé les allergies. Ce n’est pas « aucune allergie »
help-mark-pending = aucun pharmacien ne l’a vue ; les chariots le disent au moment de la dose
help-mark-verified = un pharmacien a validé exactement cette version
help-mark-queried = le pharmacien attend la réponse du prescripteur
help-mark-rejected = le pharmacien l’a refusée, avec un motif
help-mark-draft = on ne peut en déduire ni dose ni heure ; le prescripteur doit la corriger
help-mark-level-stop = au lit, elle ne sera pas donnée
help-mark-level-witness = au lit, il faut une deuxième personne
help-mark-level-reason = au lit, il faut donner un motif
help-mark-level-warn = au lit, il faut lire puis toucher pour continuer
help-mark-online = le chariot répond
help-mark-silent = le chariot ne répond pas ; il continue de vérifier et d’enregistrer, et envoie plus tard
help-mark-unsent = enregistrements qui sont encore seulement sur le chariot. Amenez-le dans une zone couverte ; n’effacez pas son disque
help-mark-battery-low = à mettre en charge
help-mark-late = le délai de réponse est dépassé
help-mark-as-of = la page se met à jour seule ; si le serveur ne répond plus, une ligne rouge dit qu’elle n’est plus à jour
help-mark-sent = le dossier patient l’a reçu
help-mark-waits = en cours d’envoi, nouvel essai automatique
help-mark-parked = n’est plus envoyé automatiquement : quelqu’un doit s’en occuper

help-start-for = La première page mène au travail de votre rôle et dit combien de tâches attendent.
help-start-next =
    Choisissez une case avec un nombre : c’est ce qui vous attend.
    Les autres pages sont dans le menu du haut ; les moins utilisées sous « Plus ».
help-sign-in-for = Se connecter, pour que l’on sache qui fait quoi. Chacun utilise son propre compte.
help-sign-in-next =
    Saisissez nom et mot de passe et, si on le demande, le code de votre téléphone.
    Après plusieurs erreurs, il faut attendre. Mot de passe oublié : voyez un administrateur.
help-account-for = Votre compte : mot de passe, second facteur, codes de secours, et où vous êtes connecté.
help-account-next =
    Fermez toute connexion que vous ne reconnaissez pas.
    Gardez les codes de secours en lieu sûr : ils servent si vous perdez votre téléphone.
help-pharmacy-for = Valider les prescriptions avant que le médicament n’arrive au patient. La plus urgente est en tête.
help-pharmacy-next =
    Lisez le patient, les allergies, le poids et la fonction rénale, puis les alertes de cette prescription.
    Validez, demandez une modification ou refusez. Une alerte de niveau STOP demande d’écrire pourquoi c’est juste malgré tout.
    Si la prescription vient de changer, la page demande de la relire d’abord.
help-together-for = Valider en une fois plusieurs prescriptions d’une unité. Seules celles où rien n’est à peser sont listées.
help-together-next =
    Regardez chaque ligne ; décochez ce que vous voulez voir à part.
    Cochez que vous avez regardé, puis validez. Chaque prescription est enregistrée à votre nom.
help-ward-for = Toute l’unité par lit : ce qui est en retard, ce qui est à donner, ce qui est donné.
help-ward-next =
    Les lits rouges d’abord. Touchez le nom d’un patient pour voir ses prescriptions et la suite.
    Demandez au lit avant de conclure qu’une dose a été oubliée.
help-radar-for = Les doses dont le délai expire, les lits où personne n’est passé, les chariots sans contact.
help-radar-next =
    Commencez en haut : ce qui expire en premier est en tête.
    Un chariot sans contact a pu donner la dose : demandez à qui l’utilise.
help-wall-for = Un écran mural pour toute l’unité : quels lits ont une dose bientôt en retard. Il sert seulement à lire.
help-wall-next =
    Il affiche un code : le cadre infirmier le saisit sous « Tableau de l’unité › Écrans muraux ».
    Il affiche une grande bande jaune : l’image est ancienne. Ne vous y fiez pas ; regardez le tableau sur un autre poste.
help-wall-screens-for = Autoriser un écran mural pour une unité, ou le couper.
help-wall-screens-next =
    Ouvrez l’adresse de l’écran sur son poste, lisez le code, saisissez-le ici.
    Écran perdu ou déplacé : coupez-le.
help-patients-for = Trouver un patient par nom, numéro ou lit.
help-patients-next =
    Tapez quelques lettres, puis choisissez la bonne personne : comparez date de naissance et numéro.
    Chaque dossier ouvert est inscrit au journal.
help-patient-for = Tout sur les médicaments d’un patient : allergies, prescriptions, doses enregistrées, mesures.
help-patient-next =
    Comparez nom, date de naissance et numéro en haut avant toute action.
    Saisissez une mesure, ouvrez le dossier à imprimer ou prescrivez, selon votre rôle.
    Un enregistrement faux n’est jamais effacé : il est corrigé, avec un motif.
help-printed-for = Le dossier d’administration du patient, à imprimer et à classer.
help-printed-next =
    Choisissez la période, puis imprimez ou enregistrez en PDF depuis le navigateur.
    L’heure d’impression y figure : après elle, le dossier peut avoir changé.
help-sheet-for = Une feuille de toute l’unité pour les pannes de réseau : qui, quoi, quand.
help-sheet-next =
    Imprimez-la avant un arrêt prévu, et de nouveau quand les prescriptions changent.
    Écrivez à la main ; au retour du réseau, saisissez après coup au chariot.
help-admission-for = Admettre des patients sans flux du dossier patient : arrivée, bracelets, identité inconnue.
help-admission-next =
    Cherchez avant d’ajouter, pour que personne n’ait deux dossiers.
    Imprimez le bracelet, posez-le tout de suite, scannez-le une fois.
help-admit-for = Ajouter un nouveau patient à l’unité.
help-admit-next =
    Scannez la carte d’identité ou tapez ; relisez nom et date de naissance au patient.
    Allergies : si personne n’a demandé, laissez « inconnues » ; n’écrivez pas qu’il n’y en a pas.
help-unknown-for = Admettre une personne d’identité inconnue, avec un numéro provisoire et un bracelet.
help-unknown-next =
    Notez ce qui se voit. Le système donne un nom provisoire que personne d’autre ne porte.
    Quand vous savez qui c’est : ouvrez ce dossier et identifiez la personne.
help-identify-for = Donner sa vraie identité à une personne admise avec un numéro provisoire.
help-identify-next =
    Comparez les papiers ou demandez à la famille, saisissez, puis imprimez un nouveau bracelet.
    Si la personne a déjà un dossier : fusionnez plutôt les deux.
help-newborn-for = Créer le dossier d’un nouveau-né à partir de celui de sa mère.
help-newborn-next =
    Jumeaux et plus : un dossier par enfant, dans l’ordre de naissance.
    Pesez l’enfant et saisissez le poids : ses doses en dépendent.
help-identity-for = L’identité d’un patient : photo, bracelet, lit, transfert, sortie.
help-identity-next =
    Un nouveau bracelet annule l’ancien : coupez l’ancien.
    Un changement de lit saisi ici est aussitôt sur les chariots.
help-merge-for = Réunir deux dossiers de la même personne.
help-merge-next =
    Comparez les deux côtés ligne par ligne. Ne fusionnez que si vous êtes certain.
    Une fusion peut être annulée ; cela aussi est enregistré.
help-prescriber-for = Ce qui attend les prescripteurs : questions des pharmaciens, doses non données, ordres oraux à confirmer.
help-prescriber-next =
    Répondez ou modifiez la prescription ; la nouvelle version va aussitôt à la pharmacie et aux chariots.
    Marquez comme vues les doses non données.
help-transcription-for = Recopier une prescription écrite ou orale. C’est un brouillon jusqu’à ce qu’une deuxième personne l’ait comparée.
help-transcription-next =
    Choisissez qui l’a prescrite et quand ; relisez d’abord un ordre oral.
    Demandez à un collègue de comparer : personne ne compare sa propre copie.
help-compare-for = Les copies qui attendent une deuxième personne, le papier en main.
help-compare-next =
    Tenez le papier et comparez ligne par ligne : médicament, dose, voie, heures.
    Si une chose diffère, ne confirmez pas ; écrivez ce qui ne va pas.
help-order-for = Prescrire ou modifier une prescription.
help-order-next =
    Écrivez la dose en nombre et unité : 2,5 mg et 2.5 mg sont compris ; 1.000 et 1,000 ne le sont pas, car ils se lisent de deux façons.
    Lisez les alertes avant d’enregistrer. Un pharmacien valide ensuite.
help-bedside-for = Ce que les chariots ont noté à côté de la dose : médicaments montrés, questions, transmissions, anaphylaxie.
help-bedside-next =
    Choisissez un patient ou une entrée pour tout voir dans l’ordre du temps.
    Une question du patient attend une réponse.
help-bedside-note-for = Une entrée exactement comme le chariot l’a notée. Personne ne peut la changer.
help-bedside-note-next =
    Les médicaments donnés sont dans le dossier d’administration du patient.
help-work-for = Tout ce qui attend la réponse de quelqu’un, par genre et par échéance.
help-work-next =
    Les retards d’abord. Votre réponse est aussitôt sur le chariot de l’infirmier.
    Doses en retard : clôturez-les avec un motif, après avoir demandé au lit.
help-review-for = Ce que quelqu’un doit revoir : passages outre, écarts entre chariot et serveur, doses arrêtées.
help-review-next =
    Lisez ce que le chariot a vu et ce que le serveur a vu ; demandez à qui a enregistré.
    Résolvez avec un motif. L’enregistrement du lit n’est jamais modifié.
help-rules-for = Chaque règle qu’une dose doit passer : ce qu’elle regarde, ce qui la satisfait, sa source.
help-rules-next =
    Cherchez le numéro qui figure à côté de chaque alerte.
help-replay-for = Un verdict enregistré, recalculé avec les mêmes faits, à côté de ce qu’il disait alors.
help-replay-next =
    Les différences sont marquées : prévenez le responsable du logiciel.
help-bags-for = Poches de perfusion et préparations : à préparer, en attente, en cours.
help-bags-next =
    Choisissez une prescription à préparer, ou scannez le code d’une poche.
    Une poche trop ancienne est détruite, pas donnée.
help-bag-for = Une poche : son contenu, son patient, sa limite d’utilisation.
help-bag-next =
    Imprimez l’étiquette et collez-la tout de suite sur cette poche.
    Introuvable ? Déclarez-la : qui la scanne plus tard est arrêté.
help-bag-form-for = Enregistrer la préparation d’une poche pour une prescription et imprimer son étiquette.
help-bag-form-next =
    Saisissez lot et péremption de chaque produit, pour qu’un rappel retrouve le patient.
    Vérifiez si cette prescription a déjà une autre poche.
help-controlled-for = Le registre des stupéfiants : entrées, sorties et reste de chaque tiroir.
help-controlled-next =
    Un écart : recomptez à deux, puis répondez sous « Travail ».
    Saisissez ici les remplissages, pour que les comptes aient un point de départ.
help-recalls-for = Médicaments rappelés : quels lots ne doivent plus être donnés.
help-recalls-next =
    Saisissez code et lot exactement comme sur la boîte. Tous les chariots arrêtent ce lot.
    Ouvrez un rappel pour voir qui l’a reçu et qui doit le recevoir.
help-recall-for = Un rappel : qui a reçu le lot, qui l’attend, quelles unités l’ont mis de côté.
help-recall-next =
    Prévenez les prescripteurs de ceux qui l’ont reçu. Exportez la liste au besoin.
help-emr-for = Les enregistrements envoyés au dossier patient : acceptés, en attente, retenus.
help-emr-next =
    Retenu : lisez pourquoi, corrigez la cause, renvoyez. Un renvoi ne crée jamais de doublon.
help-emergency-form-for = Ouvrir en urgence un dossier hors de votre périmètre.
help-emergency-form-next =
    Écrivez le vrai motif. L’accès se termine seul et il est toujours revu.
    Terminez-le dès que vous avez fini.
help-emergency-list-for = Les ouvertures de dossier en urgence qui attendent une revue.
help-emergency-list-next =
    Lisez le motif et ce qui a été vu, puis dites si c’était justifié.
help-emergency-people-for = Qui a ouvert des dossiers en urgence, et combien de fois ; aucun patient n’est nommé.
help-emergency-people-next =
    Quelqu’un se détache : demandez s’il lui manque un droit dont il a besoin.
help-ward-staff-for = Qui travaille dans l’unité, qui aide ce poste, qui s’est connecté à un chariot de l’unité.
help-ward-staff-next =
    Ajoutez qui aide pendant ce poste ; l’accès se termine avec lui.
    Un nom inconnu : demandez, et retirez-le au besoin.
help-ward-own-for = Vos unités, et la prise en charge d’une unité qui vous est confiée.
help-ward-own-next =
    Prenez une unité pour voir ses patients ; cela est enregistré.
help-fleet-for = Tous les chariots : s’ils répondent, batterie, logiciel, enregistrements non envoyés.
help-fleet-next =
    Un chariot avec des enregistrements non envoyés : amenez-le dans une zone couverte. N’effacez pas son disque.
    Touchez le nom d’un chariot pour en savoir plus.
help-cart-for = Un chariot : son état, les tables qu’il détient, et si un numéro manque à son journal.
help-cart-next =
    Un numéro manquant peut être un enregistrement perdu : vérifiez le chariot et le papier.
help-machines-for = Quelles machines peuvent entrer, et leurs certificats.
help-machines-next =
    Comparez le code du chariot avec celui d’ici avant de l’accepter.
    Chariot perdu ou vendu : révoquez-le aussitôt.
help-phones-for = Les téléphones qui remplacent un chariot : les associer et les couper.
help-phones-next =
    Écrivez un nom, faites scanner le code par le téléphone dans les dix minutes, puis associez.
    Téléphone perdu : coupez-le aussitôt.
help-formulary-for = Le livret des médicaments par lequel chaque chariot reconnaît un code-barres.
help-formulary-next =
    Cherchez par nom ou code. Ouvrez un produit pour le modifier ou ajouter un code-barres.
help-product-for = Un produit : dosage, voies, risque, codes-barres, et l’historique de ses changements.
help-product-next =
    N’ajoutez un code-barres qu’avec la boîte en main.
    Les changements arrivent aux chariots avec le prochain livret.
help-product-form-for = Modifier ou ajouter un produit. Une erreur ici est une erreur à chaque lit.
help-product-form-next =
    Écrivez le dosage en nombre et unité, pour une seule unité de prise.
    Médicaments à haut risque et stupéfiants demandent une deuxième personne.
help-barcodes-for = Les codes-barres qui ont arrêté une dose parce que les chariots ne les connaissent pas.
help-barcodes-next =
    Celui qui a arrêté le plus de doses est en tête : ouvrez-le.
help-barcode-for = Un code-barres inconnu : quel médicament c’est, ou qu’il n’est pas des nôtres.
help-barcode-next =
    Boîte en main, comparez nom, dosage, forme et voie ; puis associez.
    Médicaments à haut risque : un autre pharmacien confirme.
help-policy-for = La politique de l’hôpital : les limites, plages et règles qu’il a choisies.
help-policy-next =
    Regardez les 30 derniers jours avant un changement : quelles doses auraient été jugées autrement.
    Une personne écrit, une autre approuve, puis on met en vigueur.
help-policy-form-for = Écrire une nouvelle version de la politique.
help-policy-form-next =
    Chaque valeur a sa source. Enregistrer ne change rien tant que personne d’autre n’approuve.
help-import-for = Importer des fichiers : patients, personnel, produits, prescriptions.
help-import-next =
    Choisissez un fichier : il est vérifié et montré d’abord, rien n’est écrit.
    Lisez les lignes fautives, puis confirmez ou corrigez le fichier.
help-staff-for = Le personnel, ses rôles et ses badges.
help-staff-next =
    Un départ : fermez le compte le jour même.
    Téléphone perdu : réinitialisez le second facteur, une fois certain de qui demande.
help-staff-form-for = Modifier ou ajouter un membre du personnel.
help-staff-form-next =
    Donnez seulement les rôles utiles au travail. Chaque changement est inscrit au journal.
help-audit-for = Le journal : qui a vu quoi, qui a changé quoi, et quand. Personne ne peut le modifier.
help-audit-next =
    Filtrez par personne, patient ou jour. En cas de doute, vérifiez les sceaux.
help-checkpoint-for = Le dernier sceau du journal, à garder ailleurs.
help-checkpoint-next =
    Imprimez-le ou gardez-le hors du système : il prouvera que le journal n’a pas été modifié.
help-rejected-for = Les messages que le serveur n’a pas acceptés, avec la raison.
help-rejected-next =
    La même raison revient pour un chariot : vérifiez son logiciel et son horloge.
help-quality-for = Des chiffres de qualité, de groupes et jamais d’une personne.
help-quality-next =
    Choisissez l’unité et période. Les signes de contournement servent à demander où le travail bloque.
    Ouvrez « Comment est-ce compté ? » avant de conclure.
help-fault-for = Cette page n’a pas pu s’ouvrir comme demandé. Rien n’a été modifié pour autant.
help-fault-next =
    Lisez la ligne qui dit quoi faire, ou revenez à la première page.
    Si vous veniez d’envoyer un formulaire : rouvrez la page et voyez s’il a été enregistré.
help-guide-for = Un guide par tâche.
help-guide-next =
    Choisissez un chapitre dans la liste. Les mots en gras figurent à l’écran.
help-labels-for = Les étiquettes que l’hôpital imprime par unité : quels lots d’étiquettes sont imprimés, en usage ou retirés.
help-labels-next =
    Cherchez le code d’une étiquette, ou ouvrez une série.
    Imprimée par erreur : retirez-la aussitôt. Les chariots arrêtent une étiquette retirée, même sans réseau.
help-label-form-for = Imprimer des étiquettes par unité, pour qu’elles soient scannées au lit.
help-label-form-next =
    Saisissez médicament, lot, péremption et nombre exactement comme sur la boîte en main.
    Une deuxième personne les contrôle avant usage, là où la page le demande.
help-label-for = Une série d’étiquettes : de quel médicament, combien, imprimées et contrôlées par qui.
help-label-next =
    Imprimez ou téléchargez, collez chaque étiquette sur son unité, détruisez le reste.
    Abîmée ou en trop : indiquez-le ici, pour que personne ne l’utilise plus tard.
