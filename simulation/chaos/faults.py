"""Doing a fault and ending it: one table from a fault's kind to its two halves. Both return at once, save where a program is started.

Whatever is done here, a power cut, a network, a disk or a wrong clock does too. It must never touch what a program has stored.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import psutil

from pointofcare.errors import DeviceUnavailableError
from simulation.chaos import control
from simulation.chaos.machines import Machine, Machines
from simulation.chaos.schedule import Fault
from simulation.fault_proxy import FaultProxy

_Half = Callable[[Machines, Fault], None]


def begin(machines: Machines, fault: Fault) -> None:
    """Raises: DeviceUnavailableError where there is nothing that it could be done to."""
    _TABLE[what(fault)][0](machines, fault)


def end(machines: Machines, fault: Fault) -> None:
    _TABLE[what(fault)][1](machines, fault)


def what(fault: Fault) -> str:
    """The kind without its target: "kill" of "kill-cart"."""
    return fault.kind.rpartition("-")[0] if fault.kind not in _TABLE else fault.kind


def acts_on(fault: Fault) -> tuple[str, str]:
    """What must not be under another fault at the same time: a target, and which side of it."""
    return fault.target, "line" if what(fault) in _ON_THE_LINE else "program"


_ON_THE_LINE = frozenset({"delay", "blackhole", "reset", "half-open", "duplicate", "reorder"})


def _machine(machines: Machines, fault: Fault) -> Machine:
    return machines.server if fault.target == "server" else machines.cart[fault.target]


def _proxy(machines: Machines, fault: Fault) -> FaultProxy:
    return machines.proxies[fault.target]


def _kill(machines: Machines, fault: Fault) -> None:
    match fault.target:
        case "broker":
            machines.broker.kill()
        case "emr":
            machines.emr.kill()
        case _:
            _machine(machines, fault).kill()


def _start(machines: Machines, fault: Fault) -> None:
    match fault.target:
        case "broker":
            machines.broker.start_again()
        case "emr":
            machines.emr_again()
        case _:
            _machine(machines, fault).start()


def _fill_disk(machines: Machines, fault: Fault) -> None:
    control.set_disk_full(_machine(machines, fault).control, True)


def _free_disk(machines: Machines, fault: Fault) -> None:
    control.set_disk_full(_machine(machines, fault).control, False)


def _break_writes(machines: Machines, fault: Fault) -> None:
    """No file of the program may be written any more, the write-ahead log and its own log not either (RLIMIT_FSIZE): what a disk does
    that is full to the last byte or broken, without a file system of its own that only root could mount."""
    _limit_files(_machine(machines, fault), 1)


def _mend_writes(machines: Machines, fault: Fault) -> None:
    _limit_files(_machine(machines, fault), 0)


def _set_clock(machines: Machines, fault: Fault) -> None:
    control.set_clock(_machine(machines, fault).control, fault.amount)


def _right_clock(machines: Machines, fault: Fault) -> None:
    control.set_clock(_machine(machines, fault).control, 0.0)


def _arm(machines: Machines, fault: Fault) -> None:
    assert fault.point is not None
    control.arm(_machine(machines, fault).control, fault.point)


def _limit_files(machine: Machine, most: int) -> None:
    """0: as much as the program could write before."""
    try:
        process = psutil.Process(machine.pid)
        _, hard = process.rlimit(psutil.RLIMIT_FSIZE)
        process.rlimit(psutil.RLIMIT_FSIZE, (most if most > 0 else hard, hard))
    except psutil.Error as exc:
        raise DeviceUnavailableError(f"{machine.name} does not run") from exc


def _delay(machines: Machines, fault: Fault) -> None:
    _proxy(machines, fault).delay_s = fault.amount


def _undelay(machines: Machines, fault: Fault) -> None:
    _proxy(machines, fault).delay_s = 0.0


def _darken(machines: Machines, fault: Fault) -> None:
    _proxy(machines, fault).blackhole = True


def _lighten(machines: Machines, fault: Fault) -> None:
    _proxy(machines, fault).blackhole = False


def _double(machines: Machines, fault: Fault) -> None:
    _proxy(machines, fault).double_every = int(fault.amount)


def _undouble(machines: Machines, fault: Fault) -> None:
    _proxy(machines, fault).double_every = 0


def _overtake(machines: Machines, fault: Fault) -> None:
    _proxy(machines, fault).overtake_every = int(fault.amount)


def _in_order(machines: Machines, fault: Fault) -> None:
    _proxy(machines, fault).overtake_every = 0


def _nothing(_machines: Machines, _fault: Fault) -> None:
    """It acted at once."""


_TABLE: Mapping[str, tuple[_Half, _Half]] = {
    "kill": (_kill, _start),
    "full-disk": (_fill_disk, _free_disk),
    "write-error": (_break_writes, _mend_writes),
    "clock-jump": (_set_clock, _right_clock),
    "crash": (_arm, _start),
    "delay": (_delay, _undelay),
    "blackhole": (_darken, _lighten),
    "reset": (lambda machines, fault: _proxy(machines, fault).reset(), _nothing),
    "half-open": (lambda machines, fault: _proxy(machines, fault).half_open(), _nothing),
    "duplicate": (_double, _undouble),
    "reorder": (_overtake, _in_order),
}

KINDS = frozenset(_TABLE)
