"""Every MQTT topic and payload: the route table, the messages, the codec, the signed tables' bytes.

Nothing here reads a clock, draws an id, or knows a broker.
"""
