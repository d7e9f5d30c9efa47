"""Machines of the virtual hospital that speak their real wire formats."""
