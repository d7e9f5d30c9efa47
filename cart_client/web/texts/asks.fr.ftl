# Ce que l'écran demande : une chose à la fois.
badge-is-read = Badge lu. Tapez maintenant votre code PIN.
