"""What a migration may do that says of itself that it expands: a server of the release before goes on over it, and doses are recorded
while it is applied. A list of what is allowed; whatever else stands in one is named."""

from __future__ import annotations

import ast
import re

# On a table that is in use, each of these keeps nobody out for longer than a moment and breaks no statement of an older program.
_ALLOWED = frozenset({"create_table", "add_column", "get_bind", "get_context", "f", "execute", "create_index"})
_SQL = re.compile(r"\s*(insert\s+into|create\s+(table|function|or\s+replace\s+function)|comment\s+on)\b", re.IGNORECASE)


def faults(source: str) -> list[str]:
    """Why a migration cannot be what it says it is, in words; [] when it can."""
    tree = ast.parse(source)
    named = {
        target.id: node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    change, oldest = named.get("change"), named.get("oldest_release")
    if change == "contract":
        return [] if isinstance(oldest, str) and re.fullmatch(r"\d+\.\d+\.\d+", oldest) else ["it names no oldest_release"]
    if change != "expand":
        return ['it does not say change = "expand" or change = "contract"']
    found = ["it expands, and names an oldest_release"] if oldest is not None else []
    calls = [call for part in tree.body if not _is_downgrade(part) for call in ast.walk(part) if isinstance(call, ast.Call)]
    own = {_text(call.args[0]) for call in calls if _name(call) == "op.create_table" and call.args}
    for call in calls:
        found += _of_call(call, own)
    return found


def _of_call(call: ast.Call, own: set[str]) -> list[str]:
    name = _name(call)
    room, _, verb = name.rpartition(".")
    if room not in ("op", "batch", "batch_op"):
        return []
    if room != "op" or verb not in _ALLOWED:
        return [f"{name} may break a server of the release before, or keep doses out"]
    if verb == "create_index" and (len(call.args) < 2 or _text(call.args[1]) not in own):
        return ["op.create_index on a table that is in use keeps writers out: online.build_index"]
    if verb == "add_column":
        return _of_column(call)
    if verb == "execute" and not _SQL.match(_sql(call)):
        return ["op.execute of something else than an INSERT or a CREATE"]
    return []


def _of_column(call: ast.Call) -> list[str]:
    column = call.args[1] if len(call.args) > 1 else None
    if not isinstance(column, ast.Call):
        return ["op.add_column with a column that is made elsewhere cannot be judged"]
    given = {keyword.arg: keyword.value for keyword in column.keywords}
    found = []
    nullable = given.get("nullable")
    if isinstance(nullable, ast.Constant) and nullable.value is False and "server_default" not in given:
        found.append("a new column is NOT NULL and has no server_default: an older server's rows would be refused")
    if any(given.get(name) is not None for name in ("unique", "primary_key")):
        found.append("a new column is unique or a key: an older server's rows would be refused")
    if any(_name(each) in ("sa.ForeignKey", "sa.Computed", "sa.Identity", "sa.CheckConstraint") for each in column.args if _is_call(each)):
        found.append("a new column is checked against something: an older server's rows may be refused")
    return found


def _is_call(node: ast.AST) -> bool:
    return isinstance(node, ast.Call)


def _is_downgrade(node: ast.AST) -> bool:
    return isinstance(node, ast.FunctionDef) and node.name == "downgrade"


def _name(call: ast.AST) -> str:
    return ast.unparse(call.func) if isinstance(call, ast.Call) else ""


def _text(node: ast.AST) -> str:
    return str(node.value) if isinstance(node, ast.Constant) else ""


def _sql(call: ast.Call) -> str:
    given = call.args[0] if call.args else None
    if isinstance(given, ast.Call) and given.args:
        given = given.args[0]
    return _text(given) if given is not None else ""
