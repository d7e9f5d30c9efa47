"""Firmware files: making, signing and checking images, and fetching them from a repository of signed releases."""
