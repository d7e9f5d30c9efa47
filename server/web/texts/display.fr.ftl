theme = Affichage
theme-device = Comme l’appareil
theme-light = Clair
theme-dark = Sombre
menu-more = Plus
