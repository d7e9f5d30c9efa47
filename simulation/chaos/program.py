"""`python -m simulation.chaos.program cart|server ARGUMENTS...`: the product's own program, with crash points armed around it.

Without `POINTOFCARE_CHAOS` in the environment it is that program and nothing else.
"""

from __future__ import annotations

import sys

from simulation.chaos import control, crash_points


def main(arguments: list[str] | None = None) -> int:
    """The program's exit code; 2 when none is named."""
    words = sys.argv[1:] if arguments is None else arguments
    if words[:1] not in (["cart"], ["server"]):
        sys.stderr.write("which program: cart or server?\n")
        return 2
    told = control.from_environment()
    if told is not None:
        crash_points.watch(words[0], told)
        crash_points.arm_points(words[0], told)
    if words[0] == "cart":
        from cart_client import __main__ as cart

        return cart.main(words[1:])
    from server import __main__ as server

    return server.main(words[1:])


if __name__ == "__main__":
    sys.exit(main())
