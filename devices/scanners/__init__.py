"""Hand scanners: readers that hand over symbols without a picture."""
