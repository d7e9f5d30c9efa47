"""What is Vietnamese about a record: insurance cards, drug codes, routes, facility and ward codes, claim columns, retention.

Code lists are dated data under `data/` with their source; a list without a source is not used. Must never fill in a code that nobody
wrote: what is not understood is an error with a reason, and a person answers it.
"""
