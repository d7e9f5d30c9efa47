"""Infusion pumps that take a checked order over the network, each one file."""
