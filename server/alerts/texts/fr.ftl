mail-subject-raised = [{ $facility }] { $n } { $n ->
    [one] alerte
   *[other] alertes
} de chariots de médicaments
mail-subject-resolved = [{ $facility }] { $n } { $n ->
    [one] alerte résolue
   *[other] alertes résolues
} de chariots de médicaments
mail-intro = Alertes des chariots de médicaments à { $facility } :
mail-raised-critical = CRITIQUE : chariot { $cart } : { $what }, valeur { $value }, depuis le { $at }
mail-raised-warning = Chariot { $cart } : { $what }, valeur { $value }, depuis le { $at }
mail-resolved-critical = Résolu : chariot { $cart } : { $what }, le { $at }
mail-resolved-warning = Résolu : chariot { $cart } : { $what }, le { $at }
mail-more = et { $n } de plus ; la liste les montre toutes
mail-where = Liste des alertes : { $address }
