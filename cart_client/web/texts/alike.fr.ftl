alike-banner = Noms faciles à confondre dans ce service :
