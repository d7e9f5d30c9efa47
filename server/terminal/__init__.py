"""`pointofcare-fleet`: the fleet on a terminal, over the server's HTTP API. Knows nothing of the server's other rooms."""
