theme = Appearance
theme-device = As this device
theme-light = Light
theme-dark = Dark
menu-more = More
