"""`pointofcare-cart read`: pictures and streams through the cart's own reader, for a person who wants to see what it reads and what not."""
