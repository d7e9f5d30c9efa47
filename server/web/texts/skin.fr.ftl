bedside-skin-test = Résultat du test cutané
skin-negative = NÉGATIF
skin-positive = POSITIF
skin-doubtful = DOUTEUX
