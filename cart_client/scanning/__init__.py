"""The readers: pictures of the camera in, each newly held symbol out, once; what the camera is like, and what helps whoever holds a code.

`watching` are the loops, `held` the rule that a code which stays in view is one scan, `sight` what is known of the camera and shown of it,
`faults` and `guidance` the pure rules behind that, `viewfinder` the picture for the kiosk, `onlooker` a phone's camera. Symbols are not
interpreted here, and no picture ever leaves memory.
"""

from __future__ import annotations

from cart_client.scanning.faults import LASTING_FAULTS, Fault
from cart_client.scanning.guidance import Advice
from cart_client.scanning.held import GONE_AFTER, GONE_FRAMES, Held, step
from cart_client.scanning.onlooker import PHONE_AWAY, SILENT_S, Onlooker
from cart_client.scanning.sight import Outlook, Sight
from cart_client.scanning.told import CameraTold, Seen
from cart_client.scanning.viewfinder import Viewfinder
from cart_client.scanning.watching import BROKEN_FRAMES, listen, watch

__all__ = [
    "BROKEN_FRAMES",
    "GONE_AFTER",
    "GONE_FRAMES",
    "LASTING_FAULTS",
    "PHONE_AWAY",
    "SILENT_S",
    "Advice",
    "CameraTold",
    "Fault",
    "Held",
    "Onlooker",
    "Outlook",
    "Seen",
    "Sight",
    "Viewfinder",
    "listen",
    "step",
    "watch",
]
