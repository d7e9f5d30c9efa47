"""The pure core: what "safe to give" means, and what is said about it. A map:

- `labels.scan.interpret`            a barcode symbol -> what it says
- `orders.timing`, `orders.schedule` an order -> when it is due, and which doses are open
- `verdict.facts.Facts`              everything that may be looked at
- `verdict.engine.evaluate`          Facts -> Verdict (start reading here)
- `administration.session`           the bedside workflow, as a table
- `administration.record`            what was done
- `wire.routes`, `wire.codec`        how it crosses MQTT
- `scenario`                         the open format in which a stranger can test the engine
- `vietnam`                          Vietnamese cards, codes and dated lists
- `texts`                            the words, in Vietnamese, English and French

Nothing here reads a clock, a disk, a socket, a random number or an id.
"""
