"""Every small fault that the library's operators can put into a module, and how one is put into the running program.

The operators are mutmut's; one more drops an element of a written collection. What is changed: the bodies and defaults of functions,
methods and properties, decorated ones too; tables and numbers at the top of a module; defaults of a dataclass's fields. What is left
as it is: the catalogue's words (`Rule(...)`), what an error says to a person, annotations, docstrings, enum members. A mutant lives in
a forked process only: nothing is written to a file.
"""

from __future__ import annotations

import sys
import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import libcst as cst
from libcst.metadata import MetadataWrapper, PositionProvider
from mutmut.mutation.mutators import mutation_operators

FUNCTION, VALUE, FIELD = "function", "value", "field"
_WORDS = frozenset({"Rule"})
_FLAGS = annotations.compiler_flag  # the modules are read with it, so their mutants are too


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """`name` is the function ("Class.method", "name"), the module's value or the field ("Class.field"); `source` what it becomes;
    `was` and `now` the changed line before and after."""

    module: str
    kind: str
    name: str
    line: int
    was: str
    now: str
    source: str

    @property
    def key(self) -> str:
        """Names the fault without its line number, so that an explanation outlives edits elsewhere in the file."""
        return f"{self.module}:{self.name}: {self.was} => {self.now}"


def _without_one(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    if isinstance(node, cst.Tuple | cst.List | cst.Set | cst.Dict) and len(node.elements) > 1:
        for place in range(len(node.elements)):
            yield node.with_changes(elements=[*node.elements[:place], *node.elements[place + 1 :]])


_OPERATORS = (*mutation_operators, (cst.CSTNode, _without_one))


class _Faults(cst.CSTVisitor):
    """Collects (node, mutated node) under one function or value."""

    METADATA_DEPENDENCIES = (PositionProvider,)

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[cst.CSTNode, cst.CSTNode]] = []

    def on_visit(self, node: cst.CSTNode) -> bool:
        if isinstance(node, cst.Annotation | cst.Decorator | cst.Raise):
            return False
        if isinstance(node, cst.Expr) and isinstance(node.value, cst.SimpleString | cst.ConcatenatedString):
            return False
        if isinstance(node, cst.Call) and isinstance(node.func, cst.Name) and node.func.value in {"len", "isinstance", *_WORDS}:
            return False
        for kind, operator in _OPERATORS:
            if isinstance(node, kind):
                self.found += [(node, changed) for changed in operator(node)]
        return True


def mutants_of(path: Path, module: str) -> list[Mutant]:
    """Every mutant of one file, in the order of its lines."""
    wrapper = MetadataWrapper(cst.parse_module(path.read_text(encoding="utf-8")))
    tree, at = wrapper.module, wrapper.resolve(PositionProvider)
    found = list(_of_body(tree, tree.body, at, module, ""))
    return sorted(found, key=lambda mutant: mutant.line)


def _of_body(tree: cst.Module, body: Any, at: Mapping[cst.CSTNode, Any], module: str, prefix: str) -> Iterator[Mutant]:
    for node in body:
        if isinstance(node, cst.FunctionDef):
            plain = node.with_changes(decorators=())
            yield from _of_node(tree, node, at, module, FUNCTION, prefix + node.name.value, plain)
        elif isinstance(node, cst.ClassDef) and isinstance(node.body, cst.IndentedBlock):
            if not any("Enum" in tree.code_for_node(base.value) for base in node.bases):
                yield from _of_body(tree, node.body.body, at, module, f"{node.name.value}.")
        elif isinstance(node, cst.SimpleStatementLine):
            for statement in node.body:
                target = _target(statement)
                if target is not None and not target.startswith("__"):  # `__slots__` was read when the class was made
                    kind = FIELD if prefix else VALUE
                    yield from _of_node(tree, statement.value, at, module, kind, prefix + target, statement.value)


def _target(statement: cst.BaseSmallStatement) -> str | None:
    if isinstance(statement, cst.AnnAssign) and statement.value is not None and isinstance(statement.target, cst.Name):
        return statement.target.value
    if isinstance(statement, cst.Assign) and len(statement.targets) == 1 and isinstance(statement.targets[0].target, cst.Name):
        return statement.targets[0].target.value
    return None


def _of_node(
    tree: cst.Module, node: cst.CSTNode, at: Mapping[cst.CSTNode, Any], module: str, kind: str, name: str, plain: cst.CSTNode
) -> Iterator[Mutant]:
    faults = _Faults()
    if isinstance(node, cst.FunctionDef):
        node.params.visit(faults)
        node.body.visit(faults)
    else:
        node.visit(faults)
    original = tree.code_for_node(plain)
    for old, new in faults.found:
        changed = plain.deep_replace(old, new) if old is not plain else new
        source = tree.code_for_node(changed)
        if source.strip() == original.strip():
            continue
        was, now = _difference(original, source)
        yield Mutant(module=module, kind=kind, name=name, line=at[old].start.line, was=was, now=now, source=source.strip("\n"))


def _difference(before: str, after: str) -> tuple[str, str]:
    """The lines that differ, blanks squeezed."""
    old, new = before.strip("\n").split("\n"), after.strip("\n").split("\n")
    start = next((place for place, (one, other) in enumerate(zip(old, new, strict=False)) if one != other), min(len(old), len(new)) - 1)
    end = 0
    while end < min(len(old), len(new)) - start - 1 and old[-1 - end] == new[-1 - end]:
        end += 1
    return tuple(" ".join(" ".join(lines[start : len(lines) - end]).split()) for lines in (old, new))  # type: ignore[return-value]


def function_of(module: str, name: str) -> types.FunctionType | None:
    """The plain function behind a name, through properties, caches and class methods."""
    owner: Any = sys.modules[module]
    *classes, last = name.split(".")
    for each in classes:
        owner = getattr(owner, each)
    found = owner.__dict__.get(last)
    found = getattr(found, "fget", found)
    found = getattr(found, "__func__", found)
    found = getattr(found, "__wrapped__", found)
    return found if isinstance(found, types.FunctionType) else None


def forget_cached(modules: list[str]) -> None:
    """Empties every `functools.cache` of these modules."""
    for module in modules:
        for value in list(vars(sys.modules[module]).values()):
            if hasattr(value, "cache_clear"):
                value.cache_clear()


def put_in(mutant: Mutant) -> None:
    """Makes the fault true in this process. Raises: whatever the faulty text raises when it is read, as an import would."""
    scope = vars(sys.modules[mutant.module])
    if mutant.kind == FUNCTION:
        found: dict[str, Any] = {}
        exec(compile(mutant.source, mutant.module, "exec", flags=_FLAGS, dont_inherit=True), scope, found)
        new = found[mutant.name.split(".")[-1]]
        target = function_of(mutant.module, mutant.name)
        assert target is not None, mutant.name
        target.__code__, target.__defaults__, target.__kwdefaults__ = new.__code__, new.__defaults__, new.__kwdefaults__
        return
    value = eval(compile(mutant.source, mutant.module, "eval", flags=_FLAGS, dont_inherit=True), scope)
    if mutant.kind == FIELD:
        owner, field = mutant.name.split(".")
        made = vars(sys.modules[mutant.module])[owner].__init__
        if made.__kwdefaults__ is None or field not in made.__kwdefaults__:
            raise LookupError(f"{mutant.name} is no default")
        made.__kwdefaults__[field] = value
        return
    old = scope[mutant.name]
    for loaded in list(sys.modules.values()):
        names = getattr(loaded, "__dict__", None)
        if isinstance(names, dict) and names.get(mutant.name, names) is old:
            names[mutant.name] = value
    for each in list(scope.values()):  # a default of a function was bound when it was defined
        if isinstance(each, types.FunctionType) and each.__defaults__:
            each.__defaults__ = tuple(value if default is old else default for default in each.__defaults__)
