"""Alerts of the fleet while the server runs: the watch that asks the rules, and what sends e-mail and calls the webhook."""
