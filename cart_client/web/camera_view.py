"""What is drawn over the live picture, as one short line that a page gets with each one. Codes and pixels only: words are the page's."""

from __future__ import annotations

import json

from cart_client.scanning import Outlook


def told(outlook: Outlook, moment: int) -> str:
    """ASCII JSON for a header: `moment` is the newest view's, so that a page sees at once that there is news."""
    place = outlook.place
    return json.dumps(
        {
            "moment": moment,
            "size": [outlook.width, outlook.height],
            "read": [[list(point) for point in outline] for outline in outlook.read],
            "place": [place.x, place.y, place.width, place.height] if place is not None else None,
            "advice": outlook.advice.value if outlook.advice is not None else "",
            "arrow": outlook.arrow_deg,
            "fault": outlook.fault.value if outlook.fault is not None else "",
        },
        separators=(",", ":"),
    )
