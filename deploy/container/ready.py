"""The health check of the container: 0 when the server says that it is ready, 1 when it says no or nothing. Standard library alone."""

from __future__ import annotations

import os
import sys
import urllib.request

ADDRESS = f"http://127.0.0.1:{os.environ.get('POINTOFCARE_HTTP_PORT', '8080')}/ready"


def main() -> int:
    try:
        # No proxy of the environment: it asks this container and nobody else.
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(ADDRESS, timeout=4) as answer:
            return 0 if answer.status == 200 else 1
    except OSError as exc:
        sys.stderr.write(f"{ADDRESS}: {exc}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main())
