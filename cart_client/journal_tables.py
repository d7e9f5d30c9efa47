"""The journal's tables as SQLite has them, and its longer questions. Nothing here opens a file."""

from __future__ import annotations

VERSION = 3
ENTRY = """CREATE TABLE entry (
    seq INTEGER PRIMARY KEY, record_id TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL CHECK (kind IN ('administration', 'attempt', 'observation', 'note')),
    journalled_at TEXT NOT NULL, patient TEXT, effective_at TEXT NOT NULL, payload BLOB NOT NULL
) STRICT"""
ENTRY_INDEX = "CREATE INDEX entry_effective ON entry (effective_at)"
SCHEMA = f"""
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
{ENTRY};
{ENTRY_INDEX};
CREATE TABLE settlement (
    id INTEGER PRIMARY KEY, record_id TEXT NOT NULL, kind TEXT NOT NULL CHECK (kind IN ('received', 'emr')),
    state TEXT NOT NULL, detail TEXT NOT NULL, at TEXT NOT NULL
) STRICT;
CREATE INDEX settlement_record ON settlement (record_id, kind);
CREATE TABLE opened (record_id TEXT PRIMARY KEY, at TEXT NOT NULL, payload BLOB NOT NULL) STRICT;
CREATE TABLE event (seq INTEGER PRIMARY KEY, at TEXT NOT NULL, kind TEXT NOT NULL, details TEXT NOT NULL) STRICT;
CREATE TABLE acknowledged (id INTEGER PRIMARY KEY, upto INTEGER NOT NULL) STRICT;
"""
# The newest of those that the server has and of which the EMR's last word is not here.
WAITING_FOR_EMR = """
SELECT record_id FROM entry WHERE kind IN ('administration', 'observation') AND effective_at >= ?
AND EXISTS (SELECT 1 FROM settlement WHERE settlement.record_id = entry.record_id AND settlement.kind = 'received')
AND NOT EXISTS (
    SELECT 1 FROM settlement WHERE settlement.record_id = entry.record_id AND settlement.kind = 'emr' AND settlement.state = ?
)
ORDER BY seq DESC LIMIT ?
"""
