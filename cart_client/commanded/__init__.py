"""Commands of the fleet at this cart: carried out once, in time or not at all, and answered with what really happened.

`memory` knows which were begun, also after a restart; `doing` is what each of them does; `carrier` is the one thread that does them.
"""

from __future__ import annotations

from cart_client.commanded.carrier import Carrier, Taken
from cart_client.commanded.doing import ACTS, Doing, Refusal
from cart_client.commanded.located import Located
from cart_client.commanded.memory import Memory

__all__ = ["ACTS", "Carrier", "Doing", "Located", "Memory", "Refusal", "Taken"]
