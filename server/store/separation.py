"""Keeps the hospitals of one PostgreSQL apart by the database itself: a role for each, which sees and writes its own rows alone.

Each query of the program says its facility as it is; this is for the one that forgets it. The policies stand on every table that has a
facility, and on those that belong to a person of the staff; a table without one is refused to every role but the owner. Migrations run
as the owner, whom no policy holds back. Said again after each migration (`open_facility`), it adds what new tables need. PostgreSQL only.
Must never be given a facility or a role from outside without a look at its letters: both become part of statements.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Row, text

from pointofcare.errors import ConfigError

# Nothing of a patient or a person of the staff is in them; every program reads them, and says there that it runs.
SHARED = {
    "alembic_version": "SELECT",
    "schema_steps": "SELECT",
    "roles": "SELECT, INSERT",
    "server_programs": "SELECT, INSERT, UPDATE, DELETE",
}
# Whose row it is, where the table has no facility: a person's.
OF_STAFF = ("known_browsers", "recovery_codes", "second_factors", "sign_in_sessions", "staff_roles")
# The tables that grow with every dose. Each has its facility in its key; outbox gets it there.
LARGE = ("administrations", "attempts", "observation_records", "bedside_notes", "cart_events", "cart_telemetry_points", "outbox")
# The schema that the parts of a table lie in: no role is granted anything there, and the tables' own way goes round it.
PARTS = "parts"
_WORD = re.compile(r"[A-Za-z0-9_-]{1,63}")
_ROLE = re.compile(r"[a-z_][a-z0-9_]{0,62}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A table that a role could read beyond its facility, or what else is not as it should be."""

    table: str
    what: str


def open_facility(connection: Connection, facility: str, role: str) -> int:
    """Lets `role`, which somebody made, do a facility's work and nothing else; the number of tables. Raises: ConfigError."""
    _require(connection, facility, role)
    found = connection.execute(text("SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = :role"), {"role": role}).scalar()
    if found is None:
        raise ConfigError(f"there is no role {role}", remedy=f"CREATE ROLE {role} LOGIN PASSWORD '...'")
    if found or role == connection.execute(text("SELECT current_user")).scalar():
        raise ConfigError(f"no policy holds {role} back", remedy="take a role that is no superuser, no owner and has no BYPASSRLS")
    connection.exec_driver_sql(f'GRANT USAGE ON SCHEMA public TO "{role}"')
    connection.exec_driver_sql(f'GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO "{role}"')
    tables = _tables(connection)
    for table, partitioned in tables.items():
        if table in SHARED:
            connection.exec_driver_sql(f'REVOKE ALL ON "{table}" FROM "{role}"')
            connection.exec_driver_sql(f'GRANT {SHARED[table]} ON "{table}" TO "{role}"')
            continue
        rule = _rule(connection, table, facility)
        if rule is None:
            continue  # nobody is granted anything there, and `gaps` says so
        connection.exec_driver_sql(f'ALTER TABLE "{table}" ENABLE ROW LEVEL SECURITY')
        connection.exec_driver_sql(f'DROP POLICY IF EXISTS "of_{role}" ON "{table}"')
        connection.exec_driver_sql(f'CREATE POLICY "of_{role}" ON "{table}" TO "{role}" USING ({rule}) WITH CHECK ({rule})')
        connection.exec_driver_sql(f'GRANT SELECT, INSERT, UPDATE, DELETE ON "{table}" TO "{role}"')
        if partitioned:
            _partition(connection, table, facility)
    return len(tables)


def open_reports(connection: Connection, role: str) -> None:
    """Lets `role` read what the report over all hospitals counts, and write nothing. Raises: ConfigError."""
    _require(connection, "reports", role)
    # Its policy has the same name: the hospital's role would see every hospital from then on.
    works = "SELECT 1 FROM pg_policy p JOIN pg_roles r ON r.oid = ANY (p.polroles) WHERE r.rolname = :role AND p.polcmd <> 'r' LIMIT 1"
    if connection.execute(text(works), {"role": role}).first() is not None:
        raise ConfigError(f"{role} does the work of a hospital", remedy="make a role of its own for the report")
    connection.exec_driver_sql(f'GRANT USAGE ON SCHEMA public TO "{role}"')
    for table in REPORTED:
        connection.exec_driver_sql(f'DROP POLICY IF EXISTS "of_{role}" ON "{table}"')
        connection.exec_driver_sql(f'CREATE POLICY "of_{role}" ON "{table}" FOR SELECT TO "{role}" USING (true)')
        connection.exec_driver_sql(f'GRANT SELECT ON "{table}" TO "{role}"')


# What the report counts.
REPORTED = ("wards", "administrations", "discrepancies", "outbox", "carts")


def gaps(connection: Connection, roles: Sequence[str]) -> tuple[Gap, ...]:
    """What keeps these roles from being held to their own rows; () when nothing does. Raises: ConfigError: no PostgreSQL."""
    _require(connection, "any", "any")
    found = [gap for role in roles for gap in _gaps_of(connection, role)]
    return tuple(sorted(found, key=lambda gap: (gap.table, gap.what)))


def _gaps_of(connection: Connection, role: str) -> list[Gap]:
    who = connection.execute(text(_POWERS), {"role": role}).first()
    if who is None:
        return [Gap(table="", what=f"the role {role} is not there")]
    found = []
    if who.free:
        found.append(Gap(table="", what=f"the role {role} is held back by no policy"))
    if who.makes:
        found.append(Gap(table="", what=f"{role} may make things in the schema public, or make roles"))
    found += [Gap(table="", what=f"{role} may act as {other} too") for other in who.others]
    for (function,) in connection.execute(text(_FUNCTIONS), {"role": role}):
        found.append(Gap(table="", what=f"{role} may call {function}, which runs with the rights of who made it"))
    facilities: dict[str, list[str]] = {}
    for row in connection.execute(text(_REACHED), {"role": role}).all():
        found += _gaps_at(role, row, facilities)
    if len(facilities) > 1:
        named = ", ".join(f"{facility} ({tables[0]})" for facility, tables in sorted(facilities.items()))
        found.append(Gap(table="", what=f"{role} is held to the rows of several facilities: {named}"))
    return found


def _gaps_at(role: str, row: Row[Any], facilities: dict[str, list[str]]) -> list[Gap]:
    """Of one table; adds to which facility its policy holds the role."""
    table = row.table if row.schema == "public" else f"{row.schema}.{row.table}"
    if row.owns:
        return [Gap(table=table, what=f"{role} owns it, and no policy holds an owner back")]
    if row.kind not in ("r", "p"):
        return [Gap(table=table, what=f"{role} may read it, and no policy holds back what is no table")] if row.may else []
    if row.schema == "public" and row.table in SHARED:
        return []
    if not row.may:
        is_own = row.schema == "public" and not row.is_part
        return [Gap(table=table, what=f"{role} may not go there: open the facility again")] if is_own else []
    if not row.guarded or f"of_{role}" not in row.policies:
        return [Gap(table=table, what=f"{role} may go there, and no policy of its own holds it back")]
    held = _HELD.fullmatch(row.using or "")
    if held is None or row.using != row.checked or row.policies != [f"of_{role}"]:
        return [Gap(table=table, what=f"{role} is let in by another policy than the one of its facility: {', '.join(row.policies)}")]
    facilities.setdefault(held[1], []).append(table)
    return []


# What a role may do beyond its grants. Whoever may make roles, or copy the whole database, is held back by nothing either.
_POWERS = """
SELECT r.rolsuper OR r.rolbypassrls OR r.rolreplication AS free,
  r.rolcreaterole OR has_schema_privilege(r.oid, 'public', 'CREATE') AS makes,
  array(SELECT o.rolname::text FROM pg_auth_members m JOIN pg_roles o ON o.oid = m.roleid WHERE m.member = r.oid ORDER BY 1) AS others
FROM pg_roles r WHERE r.rolname = :role
"""
_NOT_OURS = """n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
  AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = {0}.oid AND d.deptype = 'e')"""
_FUNCTIONS = f"""
SELECT f.oid::regprocedure::text FROM pg_proc f JOIN pg_namespace n ON n.oid = f.pronamespace
WHERE f.prosecdef AND has_function_privilege(CAST(:role AS name), f.oid, 'EXECUTE') AND {_NOT_OURS.format("f")}
"""
# Each table, view and foreign table, and what lets the role in: a grant to it, to everybody, or of one column alone.
_REACHED = f"""
SELECT n.nspname AS schema, c.relname AS table, c.relkind::text AS kind, c.relispartition AS is_part, c.relrowsecurity AS guarded,
  r.oid = c.relowner AS owns,
  has_table_privilege(r.oid, c.oid, 'SELECT, INSERT, UPDATE, DELETE, TRUNCATE')
    OR has_any_column_privilege(r.oid, c.oid, 'SELECT, INSERT, UPDATE') AS may,
  array(SELECT p.polname::text FROM pg_policy p WHERE p.polrelid = c.oid AND p.polpermissive
    AND (r.oid = ANY (p.polroles) OR 0 = ANY (p.polroles)) ORDER BY 1) AS policies,
  (SELECT pg_get_expr(p.polqual, p.polrelid) FROM pg_policy p WHERE p.polrelid = c.oid AND p.polname = 'of_' || r.rolname) AS using,
  (SELECT pg_get_expr(p.polwithcheck, p.polrelid) FROM pg_policy p WHERE p.polrelid = c.oid AND p.polname = 'of_' || r.rolname) AS checked
FROM pg_roles r, pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE r.rolname = :role AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND {_NOT_OURS.format("c")}
"""
# `_rule` as PostgreSQL says it again.
_HELD = re.compile(
    r"(?:\(EXISTS \( SELECT 1\s+FROM staff\s+WHERE \(\(\(staff\.id\)::text = \(\w+\.staff\)::text\) AND \(\(staff\.facility\)::text = "
    r"|\(\(facility\)::text = )'([A-Za-z0-9_-]+)'::text\)+"
)


def partition(connection: Connection) -> tuple[str, ...]:
    """Lays the large tables out by facility, which is only for an empty database: nothing is copied. Those that it laid out.
    Raises: ConfigError where one holds anything."""
    _require(connection, "any", "any")
    done = []
    for table in LARGE:
        if _tables(connection)[table]:
            continue
        if connection.exec_driver_sql(f'SELECT 1 FROM "{table}" LIMIT 1').first() is not None:
            raise ConfigError(
                f"{table} is in use and stays as it is", remedy="tables are laid out by facility before anything is in them, or not at all"
            )
        _lay_out(connection, table)
        done.append(table)
    return tuple(done)


def _lay_out(connection: Connection, table: str) -> None:
    """A new table under the old name, with each constraint and index as it was."""
    whole = f"{table}_whole"
    oid = f"'public.\"{table}\"'::regclass"
    own = connection.exec_driver_sql(
        f"SELECT conname, contype, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = {oid} AND contype IN ('p', 'u', 'f')"
    ).all()
    others = connection.exec_driver_sql(
        f"SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE confrelid = {oid} AND contype = 'f'"
    ).all()
    indexes = connection.exec_driver_sql(
        f"SELECT pg_get_indexdef(indexrelid) FROM pg_index i WHERE indrelid = {oid}"
        " AND NOT EXISTS (SELECT 1 FROM pg_constraint c WHERE c.conindid = i.indexrelid)"
    ).all()
    sequences = connection.exec_driver_sql(
        f"SELECT s.oid::regclass::text, a.attname FROM pg_depend d JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S'"
        f" JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid WHERE d.refobjid = {oid} AND d.deptype = 'a'"
    ).all()
    for other, name, _said in others:
        connection.exec_driver_sql(f'ALTER TABLE {other} DROP CONSTRAINT "{name}"')
    connection.exec_driver_sql(f'ALTER TABLE "{table}" RENAME TO "{whole}"')
    connection.exec_driver_sql(
        f'CREATE TABLE "{table}" (LIKE "{whole}" INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING IDENTITY INCLUDING STORAGE)'
        " PARTITION BY LIST (facility)"
    )
    for sequence, column in sequences:
        connection.exec_driver_sql(f'ALTER SEQUENCE {sequence} OWNED BY "{table}"."{column}"')
    connection.exec_driver_sql(f'DROP TABLE "{whole}"')
    for name, kind, said in own:
        # A key of a table that is laid out holds what it is laid out by.
        told = said.replace("(", "(facility, ", 1) if kind == "p" and "facility" not in said else said
        connection.exec_driver_sql(f'ALTER TABLE "{table}" ADD CONSTRAINT "{name}" {told}')
    for (said,) in indexes:
        connection.exec_driver_sql(said.replace("%", "%%"))
    for other, name, said in others:
        connection.exec_driver_sql(f'ALTER TABLE {other} ADD CONSTRAINT "{name}" {said}')
    connection.exec_driver_sql(f"CREATE SCHEMA IF NOT EXISTS {PARTS}")
    connection.exec_driver_sql(f'CREATE TABLE {PARTS}."{table}_rest" PARTITION OF "{table}" DEFAULT')


def _partition(connection: Connection, table: str, facility: str) -> None:
    name = f"{table}_of_{facility}"[:63]
    if connection.execute(text("SELECT to_regclass(:name)"), {"name": f'{PARTS}."{name}"'}).scalar() is not None:
        return
    if connection.execute(text(f'SELECT 1 FROM {PARTS}."{table}_rest" WHERE facility = :facility LIMIT 1'), {"facility": facility}).first():
        raise ConfigError(f"{facility} has rows in {table} already", remedy="open a facility before anything of it is written")
    connection.exec_driver_sql(f'CREATE TABLE {PARTS}."{name}" PARTITION OF "{table}" FOR VALUES IN (\'{facility}\')')


def _rule(connection: Connection, table: str, facility: str) -> str | None:
    """A constant, so that the planner needs no look at anything else and leaves the other partitions out."""
    if table in OF_STAFF:
        return f"EXISTS (SELECT 1 FROM staff WHERE staff.id = \"{table}\".staff AND staff.facility = '{facility}')"
    found = connection.execute(
        text("SELECT 1 FROM information_schema.columns WHERE table_schema = 'public' AND table_name = :table AND column_name = 'facility'"),
        {"table": table},
    ).first()
    return f"facility = '{facility}'" if found is not None else None


def _tables(connection: Connection) -> dict[str, bool]:
    """Name -> is it laid out by facility. Without the parts."""
    rows = connection.exec_driver_sql(
        "SELECT relname, relkind = 'p' FROM pg_class"
        " WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition"
    )
    return {str(name): bool(partitioned) for name, partitioned in rows}


def _require(connection: Connection, facility: str, role: str) -> None:
    if connection.dialect.name != "postgresql":
        raise ConfigError("only PostgreSQL keeps hospitals apart", problems=(("database_url", "name a PostgreSQL"),))
    if not _WORD.fullmatch(facility):
        raise ConfigError(f"{facility!r} is no facility", problems=(("facility", "use A-Z a-z 0-9 _ -"),))
    if not _ROLE.fullmatch(role):
        raise ConfigError(f"{role!r} is no role", problems=(("--role", "use a-z 0-9 _, 63 at most"),))
