# La caméra : ce qui ne va pas, et ce qui aide la personne qui présente un code. Lisible d'un coup d'œil.
camera-read = Code lu.
camera-fault-no-picture = Caméra perdue
camera-fault-frozen = Image figée
camera-told-frozen = La caméra renvoie toujours la même image. Débranchez-la puis rebranchez-la. Un code de l'ancienne image ne compte pas comme une nouvelle lecture ; la saisie à la main reste possible.
camera-fault-black = Image noire
camera-told-black = L'objectif est-il couvert ? Découvrez-le ou allumez la lumière.
camera-fault-wrong-size = Taille d'image incorrecte
camera-told-wrong-size = L'image n'a pas la taille réglée. Les codes restent lisibles de plus près ; prévenez le responsable des chariots.
camera-fault-slow = Caméra lente
camera-told-slow = Trop peu d'images par seconde. Tenez le code immobile plus longtemps ; si cela dure, prévenez le responsable des chariots.
advice-show-one = Un seul code à la fois
advice-more-light = Plus de lumière
advice-tilt = Inclinez pour éviter le reflet
advice-move = Amenez le code au centre
advice-closer = Rapprochez le code
advice-hold-still = Ne bougez plus
advice-turn = Tournez le code vers la caméra
