bedside-skin-test = Skin test result
skin-negative = NEGATIVE
skin-positive = POSITIVE
skin-doubtful = DOUBTFUL
