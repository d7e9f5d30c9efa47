"""Codes that came after the last release. Its programs refuse a message that holds one: a cart keeps the table that it has and works as
if it were offline, a server takes no record and the cart keeps it until the server is newer.

So a new code is read in one release and written in the next (docs/upgrading.md). Each stands here, as `Schema.field: code`, with why the
last release is never sent it, or why it may be. Empty it when a release is cut.
"""

from __future__ import annotations

from collections.abc import Mapping

SINCE: Mapping[str, str] = {}
