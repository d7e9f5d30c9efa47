"""`make training`: a hospital to learn in. Everything of it is made up, lies in a folder of its own, and says so on every screen.

The same programs as in care, of a facility that no cart or server of real patients speaks with.
"""

from __future__ import annotations

from collections.abc import Sequence

from simulation import demo


def run(arguments: Sequence[str]) -> int:
    """As `demo.run`. Returns the exit code."""
    return demo.run(arguments, training=True)
