"""The policy that holds in a ward: the hospital's file over the default, and the ward's file over that.

A ward may set what the hospital's file names in `wards_may_change`, and may add lines to lists of which every line makes the policy
stricter. Must never let a ward loosen what the hospital did not give away.
"""

from __future__ import annotations

from pointofcare.policies import lines, reading
from pointofcare.policies.document import Line, LineValue, PolicyFile, lines_of, lists_of, policy_of, value_of, values_of
from pointofcare.policies.entries import BY_NAME, LIST_BY_NAME
from pointofcare.policies.fault import Fault, PolicyFileError
from pointofcare.policies.reading import contradictions
from pointofcare.verdict.policy import ListedControlled, ListedHighAlert, ListedHold, Policy

# Between the hospital's version and the ward's in the name of what holds.
JOINED_BY = "/"


def layered(hospital: PolicyFile | None, ward: PolicyFile | None = None) -> Policy:
    """What holds; None stands for "no file". Its version names both files. Raises: PolicyFileError with every fault."""
    found = faults(hospital, ward)
    if found:
        raise PolicyFileError(found)
    base = _of_hospital(hospital)
    return base if ward is None else _over(base, ward)


def faults(hospital: PolicyFile | None, ward: PolicyFile | None = None) -> tuple[Fault, ...]:
    """Every reason why the hospital's file cannot stand over the default or, with a ward's file, that one not over the
    hospital's; the paths are those of the upper file."""
    base = _of_hospital(hospital)
    if ward is None:
        return contradictions(base, {*hospital.values, *hospital.lists} if hospital is not None else ())
    found = _not_given_away(hospital, ward) + _looser(base, ward)
    return found or contradictions(_over(base, ward), {*ward.values, *ward.lists})


def _of_hospital(hospital: PolicyFile | None) -> Policy:
    return Policy() if hospital is None else policy_of(hospital.version, values_of(hospital), lists_of(hospital))


def _not_given_away(hospital: PolicyFile | None, ward: PolicyFile) -> tuple[Fault, ...]:
    may = frozenset(hospital.wards_may_change) if hospital is not None else frozenset()
    found = [Fault(path="wards_may_change", code="no-ward-marks")] if ward.wards_may_change else []
    for name in (*ward.values, *ward.lists):
        adds = name in LIST_BY_NAME and LIST_BY_NAME[name].wards_may_add
        if name not in may and not adds:
            found.append(Fault(path=name, code="not-for-wards", parameters={"name": name}))
    return tuple(found)


def _looser(base: Policy, ward: PolicyFile) -> tuple[Fault, ...]:
    """The hospital's line stays as strict as it is, whatever the ward says of the same drug."""
    found = []
    for name in ("high_alert", "controlled"):
        held = {lines.key_of(value): value for value in lines_of(base, name)}
        for place, line in enumerate(ward.lists.get(name, ()), start=1):
            before, now = held.get(lines.key_of(line.value)), line.value
            if isinstance(before, ListedHighAlert) and isinstance(now, ListedHighAlert) and now.level < before.level:
                other = str(int(before.level))
            elif isinstance(before, ListedControlled) and before != now:
                other = before.schedule.value
            else:
                continue
            parameters = {"name": lines.name_of(now), "other": other}
            found.append(Fault(path=f"{name}[{place}]", code="looser-than-hospital", parameters=parameters))
    return tuple(found)


def _over(base: Policy, ward: PolicyFile) -> Policy:
    values = {name: value_of(base, name) for name in BY_NAME} | values_of(ward)
    given = lists_of(ward)
    lists = {name: _joined(name, lines_of(base, name), given.get(name)) for name in LIST_BY_NAME}
    return policy_of(f"{base.version}{JOINED_BY}{ward.version}", values, lists)


def _joined(name: str, hospital: tuple[LineValue, ...], ward: tuple[LineValue, ...] | None) -> tuple[LineValue, ...]:
    if ward is None:
        return hospital
    if not LIST_BY_NAME[name].wards_may_add:
        return ward
    if name == "hold":
        return tuple(dict.fromkeys((*hospital, *ward)))  # both limits hold, each for itself
    return tuple(({lines.key_of(value): value for value in hospital} | {lines.key_of(value): value for value in ward}).values())


def sourced(hospital: PolicyFile | None, ward: PolicyFile | None, *, version: str) -> PolicyFile:
    """Everything that holds as one file under the name `version`, each value with the source of the layer that it comes from.
    The layers must fit: `layered` says so."""
    default = reading.default()
    upper = [file for file in (hospital, ward) if file is not None]
    values = dict(default.values)
    held = dict(default.lists)
    for file in upper:
        values |= file.values
        for name, found in file.lists.items():
            held[name] = _joined_lines(held.get(name, ()), found) if file is ward and LIST_BY_NAME[name].wards_may_add else found
    may = hospital.wards_may_change if hospital is not None else ()
    return PolicyFile(version=version, wards_may_change=may, values=values, lists=held)


def _joined_lines(hospital: tuple[Line, ...], ward: tuple[Line, ...]) -> tuple[Line, ...]:
    if any(isinstance(line.value, ListedHold) for line in (*hospital, *ward)):
        return tuple({line.value: line for line in (*hospital, *ward)}.values())
    return tuple(({lines.key_of(line.value): line for line in hospital} | {lines.key_of(line.value): line for line in ward}).values())
