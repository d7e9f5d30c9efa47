alike-banner = Names easily confused in this ward:
