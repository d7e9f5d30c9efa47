"""Words of the virtual hospital's own pages."""
