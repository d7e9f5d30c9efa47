"""Whether a row of bars is the Pharmacode that is expected (Laetus: 3 to 131070, narrow and wide bars).

Pharmacode has no check digit, no start and no stop: any row of bars is one. So it is never read, only compared with a number that is
known beforehand. Must never hand out a number.
"""

from __future__ import annotations

from devices.decoders.bar_profile import Profile

LEAST, MOST = 3, 131070
SPACE_SPREAD = 1.45  # the widest space beside the narrowest: they are all of one width
WIDE_LEAST = 1.6  # a wide bar beside a narrow one; three is printed


def bars(number: int) -> str:
    """ "n" and "w" from the left. Raises: ValueError for what no Pharmacode can say."""
    if not LEAST <= number <= MOST:
        raise ValueError(f"Pharmacode says {LEAST} to {MOST}")
    said = ""
    while number:
        said = ("w" if number % 2 == 0 else "n") + said
        number = (number - 2) // 2 if number % 2 == 0 else (number - 1) // 2
    return said


def is_expected(profile: Profile, number: int) -> bool:
    """Whether the bars of `profile` say `number`, read from either side, and can say nothing else by their widths."""
    wanted = bars(number)
    edges = profile.edges
    if len(edges) != len(wanted) or len(edges) < 2:
        return False
    spaces = (edges[1:, 0] - edges[:-1, 1]).tolist()
    if max(spaces) > SPACE_SPREAD * min(spaces):
        return False
    widths = (edges[:, 1] - edges[:, 0]).tolist()
    for said in {wanted, wanted[::-1]}:
        narrow = [width for width, kind in zip(widths, said, strict=True) if kind == "n"]
        wide = [width for width, kind in zip(widths, said, strict=True) if kind == "w"]
        space = sum(spaces) / len(spaces)
        if narrow and wide and min(wide) > WIDE_LEAST * max(narrow):
            return True
        # Bars of one kind only: a narrow one is half a space wide, a wide one half as wide again as a space.
        if not wide and max(narrow) < space * 0.85:
            return True
        if not narrow and min(wide) > space * 1.15:
            return True
    return False
