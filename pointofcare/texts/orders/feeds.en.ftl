# Orders of other systems.
clarify-newer-version-unreadable = the sender has a newer version that cannot be read ({$value})
clarify-held-by-sender = the sender holds this order
