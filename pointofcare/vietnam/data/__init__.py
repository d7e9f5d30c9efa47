"""Dated code lists as TOML, each with its source. No code here."""
