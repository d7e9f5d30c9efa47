"""The gate for phones that are carts: one HTTPS door before their processes. It knows who is paired, and nothing of any patient.

`standing` who may come · `proxy` to the one cart of a pairing · `app` the pages of its own and every refusal · `serving` TLS.
"""
