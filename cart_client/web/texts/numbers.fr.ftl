# Un nombre qui se lit de deux façons, avec le champ où il a été saisi.
notice-number-ambiguous = « { $field ->
    [waste] Quantité jetée
    [returned] Quantité rendue
    [rate] Débit
    [infused] Quantité passée
    [blind] Votre propre résultat
   *[dose] Quantité donnée
  } » : « { $text } » se lit de deux façons, milliers ou décimales. Réécrivez, par exemple 1000 ou 1,5.
care-number-ambiguous = Ce nombre se lit de deux façons, milliers ou décimales : réécrivez, par exemple 1000 ou 1,5.
