"""Carts by the hundred that nobody built: each with its own connection, id, certificate, battery, microcontroller and day.

For load, for the demo and for teaching fleet managers. They speak the MQTT contract as a stranger would, from its document alone:
payloads are written and read here as plain JSON, never with the product's own classes, so that both ends cannot be wrong together.
"""
