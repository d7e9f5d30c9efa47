"""What is done beside the dose: the day's drugs shown to the patient, vital signs as a set, the handover of a shift, charting after
the fact, an anaphylaxis. Each is told to the bedside loop as a command, and journalled like a dose. Nothing here passes or refuses one.
"""
