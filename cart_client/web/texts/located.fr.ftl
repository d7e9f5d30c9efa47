# On cherche le chariot.
located = On cherche le chariot { $cart }
located-text = Appuyez quand il est trouvé. L’administration des médicaments continue comme avant.
located-found = Trouvé
