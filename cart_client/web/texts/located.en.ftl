# Somebody looks for the cart.
located = Somebody is looking for cart { $cart }
located-text = Press when it is found. Giving drugs goes on as before.
located-found = Found
