help-fleet-alerts-for = Ce qui ne va pas sur les chariots en ce moment, le plus grave d’abord, et qui l’a vu.
help-fleet-alerts-next =
    Accusez réception de ce dont vous vous occupez : votre nom s’affiche à côté.
    Mettez en veille ce qui est connu, avec un motif et une échéance. L’alerte revient d’elle-même si rien n’a changé.
help-fleet-alert-rules-for = Quand le serveur lève lui-même une alerte, et qui il prévient par courriel ou par webhook.
help-fleet-alert-rules-next =
    Le seuil de fin s’écarte du seuil de départ, pour qu’une alerte ne clignote pas.
    Un message qui n’a pas pu être remis figure plus bas : vérifiez l’adresse, puis renvoyez-le.
help-rollouts-for = Tous les déploiements d’une version : où ils en sont, et lesquels attendent quelqu’un.
help-rollouts-next = Un déploiement qui s’est mis en pause de lui-même dit pourquoi. Ouvrez-le avant de le reprendre.
help-rollout-form-for = Un nouveau déploiement : quelle version, sur quels chariots, en quelles vagues, et quand il doit s’arrêter.
help-rollout-form-next =
    Regardez l’aperçu : il montre quels chariots tombent dans quelle vague avant que rien ne commence.
    Commencez par une petite vague, près de vous.
help-rollout-for = Un déploiement : chaque vague, chaque chariot avec la raison pour laquelle il n’est pas encore à jour, et ce qui a échoué.
help-rollout-next =
    Après une vague, regardez ses chariots avant d’approuver la suivante.
    La pause arrête ce qui n’a pas commencé. Ce qui s’écrit sur un chariot se termine seul, sans danger.
help-rollouts-of-cart-for = Chaque mise à jour prévue pour ce chariot, chaque essai, et ce qu’il en est advenu.
help-rollouts-of-cart-next = Une mise à jour a été annulée : ouvrez son déploiement et lisez pourquoi, avant la suivante.
help-fleet-commands-of-cart-for = Ce qui a été demandé à ce chariot, par qui, et ce qu’il a confirmé.
help-fleet-commands-of-cart-next = « Résultat inconnu » veut dire que personne ne sait : allez voir le chariot avant de redemander.
