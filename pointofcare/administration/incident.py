"""What a report of an incident or a near miss may say: kinds, whether it reached the patient, how grave it was. Words alone.

Kinds after the NCC MERP taxonomy and the ISMP reporting programme, with those that only a scanning system sees (a label that does not
scan, a way around the system). Harm is NCC MERP's index A to I. Must never ask who is to blame: there is no such field.
"""

from __future__ import annotations

from typing import Final

KINDS: Final = (
    "wrong-patient",
    "wrong-drug",
    "wrong-dose",
    "wrong-time",
    "omitted",
    "wrong-route",
    "wrong-rate",
    "allergy",
    "look-alike",
    "label",
    "order",
    "device",
    "workaround",
    "other",
)
# "unknown" is a fair answer at three in the morning.
REACHED: Final = ("no", "yes", "unknown")
# NCC MERP index: A could cause an error; B did not reach the patient; C, D reached, no harm; E to H harm; I death.
HARM: Final = ("A", "B", "C", "D", "E", "F", "G", "H", "I")
# What the nurse writes: one line.
LONGEST: Final = 400
