"""A province of made-up people in a PostgreSQL database, drawn from a seed, to see what size costs. Never beside real patients."""
