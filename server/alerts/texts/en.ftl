mail-subject-raised = [{ $facility }] { $n } { $n ->
    [one] alert
   *[other] alerts
} of medication carts
mail-subject-resolved = [{ $facility }] { $n } { $n ->
    [one] alert
   *[other] alerts
} of medication carts resolved
mail-intro = Alerts of medication carts at { $facility }:
mail-raised-critical = CRITICAL: cart { $cart }: { $what }, value { $value }, since { $at }
mail-raised-warning = Cart { $cart }: { $what }, value { $value }, since { $at }
mail-resolved-critical = Resolved: cart { $cart }: { $what }, at { $at }
mail-resolved-warning = Resolved: cart { $cart }: { $what }, at { $at }
mail-more = and { $n } more; the list has all of them
mail-where = List of alerts: { $address }
