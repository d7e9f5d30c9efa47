"""Words of the forms: Vietnamese alone, for the forms are."""
