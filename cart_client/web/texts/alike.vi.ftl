alike-banner = Tên dễ nhầm trong khoa:
