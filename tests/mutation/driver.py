"""A pytest plugin that runs the collected tests once, to learn who calls what, and then against every mutant in a fork.

A session of pytest for each mutant costs half a second before the first test; here the tests stay collected, a fork puts one fault in
and runs those tests that call the changed code, what killed its neighbours first. Must never write to the tree it measures.
"""

from __future__ import annotations

import os
import random
import resource
import signal
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FrameType, FunctionType
from typing import Any

import pytest
from _pytest.runner import runtestprotocol

from tests.mutation.mutants import FIELD, FUNCTION, Mutant, forget_cached, function_of, mutants_of, put_in

ROOT = Path(__file__).resolve().parents[2]
SURVIVED, KILLED, UNREADABLE, TIMEOUT, UNTESTED = "survived", "killed", "does not load", "timeout", "no test"
_MEMORY_BYTES = 3 * 2**30
_EXAMPLES = 8
_SLOWEST_S = 1.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What to do: the packages to change, how many mutants of those drawn by `seed` (0: all), in how many processes and minutes."""

    packages: Sequence[str]
    only: str = ""
    sample: int = 0
    seed: int = 1
    processes: int = 2
    minutes: float = 60.0


@dataclass(slots=True)
class Result:
    plan: Plan
    possible: int = 0
    outcomes: list[tuple[Mutant, str, str]] = field(default_factory=list)
    tests: int = 0
    baseline_s: float = 0.0
    elapsed_s: float = 0.0
    broken: list[str] = field(default_factory=list)
    slow: list[str] = field(default_factory=list)

    @property
    def counts(self) -> Counter[str]:
        return Counter(outcome for _, outcome, _ in self.outcomes)


class Driver:
    """Plugin for one `pytest.main`; `result` holds what came of it."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.result = Result(plan)
        self._callers: dict[CodeType, set[int]] = defaultdict(set)
        self._seconds: list[float] = []
        self._items: list[pytest.Item] = []
        self._killers: dict[tuple[str, str], list[int]] = defaultdict(list)

    @pytest.hookimpl(trylast=True)
    def pytest_configure(self) -> None:
        from hypothesis import HealthCheck, Phase, settings  # pytest wants to see it imported by itself first

        settings.register_profile(
            "mutation", deadline=None, suppress_health_check=list(HealthCheck), derandomize=True, database=None,
            phases=(Phase.explicit, Phase.generate), print_blob=False,
        )  # fmt: skip
        settings.load_profile("mutation")

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """A property that notices a fault does so within a few examples; the rest of them only cost time."""
        from hypothesis import settings

        for item in items:
            test = getattr(item, "obj", None)
            own = getattr(test, "_hypothesis_internal_use_settings", None)
            if own is not None:
                test._hypothesis_internal_use_settings = settings(own, max_examples=min(own.max_examples, _EXAMPLES))  # type: ignore[union-attr]

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        self._items = list(session.items)
        self.result.tests = len(self._items)
        modules = _modules(self.plan.packages)
        self._baseline(sorted(modules))
        named = {name: path for name, path in modules.items() if not self.plan.only or name.startswith(self.plan.only)}
        mutants = [mutant for module, path in sorted(named.items()) for mutant in mutants_of(path, module)]
        self.result.possible = len(mutants)
        random.Random(self.plan.seed).shuffle(mutants)
        self._measure(mutants[: self.plan.sample or None], sorted(modules))
        return True

    def _baseline(self, modules: list[str]) -> None:
        """Runs every test with no fault and remembers which code of the modules each calls."""
        files = {str(Path(sys.modules[name].__file__ or "").resolve()) for name in modules}
        generated = {id(code): code for name in modules for code in _made_inits(name)}
        current: set[CodeType] = set()

        def called(frame: FrameType, event: str, _argument: Any) -> None:
            if event == "call" and (frame.f_code.co_filename in files or id(frame.f_code) in generated):
                current.add(frame.f_code)

        started = time.monotonic()
        for number, item in enumerate(self._items):
            forget_cached(modules)
            current.clear()
            began = time.perf_counter()
            sys.setprofile(called)
            passed = _passes(item, self._items[number + 1] if number + 1 < len(self._items) else None)
            sys.setprofile(None)
            self._seconds.append(time.perf_counter() - began)
            if not passed:
                self.result.broken.append(item.nodeid)  # it can notice nothing
                continue
            if self._seconds[-1] > _SLOWEST_S:
                self.result.slow.append(item.nodeid)  # what it notices, smaller ones must: it would be run for every survivor
                continue
            for code in current:
                self._callers[code].add(number)
        self.result.baseline_s = time.monotonic() - started

    def _covering(self, mutant: Mutant) -> list[int]:
        if mutant.kind == FUNCTION:
            function = function_of(mutant.module, mutant.name)
            tests = set(self._callers.get(function.__code__, ())) if function is not None else set()
        elif mutant.kind == FIELD:
            made = vars(sys.modules[mutant.module])[mutant.name.split(".")[0]].__init__
            tests = set(self._callers.get(made.__code__, ()))
        else:
            users = _bound_to(vars(sys.modules[mutant.module])[mutant.name])
            tests = {number for code, numbers in self._callers.items() if code in users or _names(code, mutant.name) for number in numbers}
            tests |= {number for number, item in enumerate(self._items) if _names(item.function.__code__, mutant.name)}  # type: ignore[attr-defined]
        first = [number for number in self._killers[mutant.module, mutant.name] if number in tests]
        rest = sorted(tests - set(first), key=lambda number: self._seconds[number])
        return first + rest

    def _measure(self, mutants: list[Mutant], modules: list[str]) -> None:
        started = time.monotonic()
        waiting = list(reversed(mutants))
        running: dict[int, tuple[Mutant, int, float]] = {}
        while waiting or running:
            late = time.monotonic() - started > self.plan.minutes * 60
            while waiting and len(running) < self.plan.processes and not late:
                mutant = waiting.pop()
                tests = self._covering(mutant)
                if not tests:
                    self.result.outcomes.append((mutant, UNTESTED, ""))
                    continue
                reader, writer = os.pipe()
                limit_s = 5 + 4 * sum(self._seconds[number] for number in tests)
                child = os.fork()
                if child == 0:
                    os.close(reader)
                    _try_mutant(mutant, tests, self._items, modules, writer, int(limit_s))
                os.close(writer)
                running[child] = (mutant, reader, time.monotonic() + limit_s + 5)
            if not running:
                break
            self._collect(running)
        self.result.elapsed_s = time.monotonic() - started

    def _collect(self, running: dict[int, tuple[Mutant, int, float]]) -> None:
        child, status = os.wait()
        mutant, reader, _ = running.pop(child)
        said = os.read(reader, 64).decode()
        os.close(reader)
        if os.WIFSIGNALED(status):
            self.result.outcomes.append((mutant, TIMEOUT if os.WTERMSIG(status) in (signal.SIGALRM, signal.SIGXCPU) else KILLED, ""))
        elif said.startswith("killed"):
            number = int(said.split()[1])
            order = self._killers[mutant.module, mutant.name]
            if number in order:
                order.remove(number)
            order.insert(0, number)
            self.result.outcomes.append((mutant, KILLED, self._items[number].nodeid))
        else:
            self.result.outcomes.append((mutant, said if said in (SURVIVED, UNREADABLE) else KILLED, ""))
        if self.result.outcomes[-1][1] == SURVIVED:  # at once: a run that is cut off has said what it found
            print(f"  {mutant.key}", file=sys.__stderr__, flush=True)
        done = len(self.result.outcomes)
        if done % 100 == 0:
            print(f"  {done} mutants, {dict(self.result.counts)}", file=sys.__stderr__, flush=True)


def _try_mutant(mutant: Mutant, tests: list[int], items: list[pytest.Item], modules: list[str], writer: int, limit_s: int) -> None:
    """In the fork: puts the fault in, runs the tests until one fails, says what came of it and ends."""
    try:
        quiet = os.open(os.devnull, os.O_WRONLY)
        os.dup2(quiet, 1)
        os.dup2(quiet, 2)
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(max(limit_s, 5))
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))
        try:
            put_in(mutant)
        except LookupError:
            os.write(writer, SURVIVED.encode())
            os._exit(0)
        except Exception:  # noqa: BLE001 - whatever it is, an import would have raised it
            os.write(writer, UNREADABLE.encode())
            os._exit(0)
        forget_cached(modules)
        for place, number in enumerate(tests):
            following = items[tests[place + 1]] if place + 1 < len(tests) else None
            if not _passes(items[number], following):
                os.write(writer, f"killed {number}".encode())
                os._exit(0)
        os.write(writer, SURVIVED.encode())
    finally:
        os._exit(0)


def _passes(item: pytest.Item, following: pytest.Item | None) -> bool:
    """Runs one collected test; a fault that stops the test's set-up kills too."""
    reports = runtestprotocol(item, nextitem=following, log=False)
    return not any(report.failed for report in reports)


def _modules(packages: Sequence[str]) -> dict[str, Path]:
    found = {}
    for package in packages:
        for path in sorted((ROOT / package.replace(".", "/")).rglob("*.py")):
            name = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
            if name in sys.modules and path.stat().st_size:
                found[name] = path
    return found


def _made_inits(module: str) -> list[CodeType]:
    return [
        value.__init__.__code__
        for value in vars(sys.modules[module]).values()
        if isinstance(value, type) and value.__module__ == module and hasattr(value.__init__, "__code__")
    ]


def _bound_to(value: object) -> set[CodeType]:
    """The functions that have this very value as a default."""
    functions = [each for module in list(sys.modules.values()) if module is not None for each in list(vars(module).values())]
    return {
        each.__code__
        for each in functions
        if isinstance(each, FunctionType) and each.__defaults__ and any(default is value for default in each.__defaults__)
    }


def _names(code: CodeType, name: str) -> bool:
    return name in code.co_names or any(isinstance(each, CodeType) and _names(each, name) for each in code.co_consts)
