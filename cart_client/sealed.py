"""Opens the cart's databases encrypted (SQLCipher), and puts one under another key without a moment in which it could be lost.

From outside (a checker, a support tool), with any SQLCipher 4: connect to the file, and before anything else run

    PRAGMA key = "x'<64 hexadecimal digits>'"

with the 32 bytes of the key itself, not a passphrase: no key derivation, default page size 4096, the salt is the file's first 16 bytes.
In Python: `sealed.reading(path, key)`; `key_sources` says where a key is. The journal is in WAL mode, and may be read while the cart runs.

It never opens a file as a new, empty database because a key does not fit, and never removes the old file before the new one is on the
disk, whole, and compared row by row.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlcipher3 import dbapi2 as sqlcipher

from pointofcare.errors import PointOfCareError

KEY_BYTES = 32
_PLAIN_HEADER = b"SQLite format 3\x00"
_BLOCK_BYTES = 1 << 20
_TAILS = ("-wal", "-shm", "-journal")


class AtRestError(PointOfCareError):
    """What the cart keeps cannot be opened or put under another key. `why` is a stable code: key-missing, key-unreadable, key-wrong,
    in-use, damaged, disk, no-cipher, unsent."""

    code = "at-rest"
    loggable = True

    def __init__(self, why: str, message: str, *, remedy: str) -> None:
        super().__init__(message, remedy=remedy, why=why)
        self.why = why


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Key:
    """32 bytes. Shows only its `check`, from which nobody gets the key."""

    value: bytes

    def __post_init__(self) -> None:
        if len(self.value) != KEY_BYTES:
            raise AtRestError("key-unreadable", f"a key has {KEY_BYTES} bytes, not {len(self.value)}", remedy="64 hexadecimal digits")

    def __repr__(self) -> str:
        return f"Key(check={self.check})"

    @property
    def check(self) -> str:
        """Tells two keys apart: 16 hexadecimal digits."""
        return hmac.new(self.value, b"pointofcare at rest", hashlib.sha256).hexdigest()[:16]


def draw() -> Key:
    return Key(value=secrets.token_bytes(KEY_BYTES))


def connect(place: Path | str, key: Key | None) -> sqlcipher.Connection:
    """A connection in autocommit mode for several threads; nothing is read yet. Without a key it is a plain SQLite file, which only tests
    and `seal` want. Raises: AtRestError when the library does not encrypt; sqlcipher.Error."""
    return _unlocked(sqlcipher.connect(str(place), isolation_level=None, check_same_thread=False, timeout=5.0), key)


@contextmanager
def reading(path: Path, key: Key | None) -> Iterator[sqlcipher.Connection]:
    """A connection that cannot write, while the cart may run. Raises: sqlcipher.Error."""
    db = _unlocked(sqlcipher.connect(f"file:{path}?mode=ro", uri=True, timeout=10.0), key)
    try:
        yield db
    finally:
        db.close()


def _unlocked(db: sqlcipher.Connection, key: Key | None) -> sqlcipher.Connection:
    try:
        # SQLite takes the pragma of a key for an unknown one, and says nothing.
        if db.execute("PRAGMA cipher_version").fetchone() is None:
            raise AtRestError("no-cipher", "this SQLite does not encrypt", remedy="install the package sqlcipher3 again")
        db.execute("PRAGMA cipher_log_level=NONE")
        if key is not None:
            db.execute(f"PRAGMA key = \"x'{key.value.hex()}'\"")
        db.execute("PRAGMA temp_store=MEMORY")
    except BaseException:
        db.close()
        raise
    return db


def is_plain(path: Path) -> bool:
    """Whether the file is there and not encrypted. Not for a file that this process has open: closing it again drops SQLite's locks."""
    try:
        with path.open("rb") as file:
            return file.read(len(_PLAIN_HEADER)) == _PLAIN_HEADER
    except FileNotFoundError:
        return False


def fits(path: Path, key: Key | None) -> bool:
    """Whether the key opens the file; a file that is not there or empty fits every key. Raises: AtRestError for any other fault."""
    if not path.exists() or path.stat().st_size == 0:
        return True
    db = connect(path, key)
    try:
        db.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlcipher.DatabaseError as exc:
        if getattr(exc, "sqlite_errorcode", 0) & 0xFF == sqlcipher.SQLITE_NOTADB:
            return False
        raise _fault(path, exc) from exc
    finally:
        db.close()
    return True


def seal(path: Path, *, before: Key | None, after: Key) -> None:
    """Puts the database under the key `after`; `before` None is one in clear. Nobody else may have it open.

    A power cut at any point leaves a whole database under one of the two keys, and calling again (or `tidy`) ends the work: the copy is
    written as NAME.sealing, compared and synced; the old file gets a second name, NAME.old; the copy takes its place; the old one is
    overwritten and removed. Raises: AtRestError, and then the database is as it was."""
    tidy(path, after)
    copy, old = path.with_name(f"{path.name}.sealing"), _old(path)
    try:
        db = connect(path, before)
        try:
            db.execute("PRAGMA locking_mode=EXCLUSIVE")
            if db.execute("PRAGMA quick_check").fetchone()[0] != "ok":
                raise AtRestError("damaged", f"{path.name} is damaged", remedy="keep the file, call support, chart on paper")
            with _kept_open(path.with_name(f"{path.name}-wal")) as trail:
                if db.execute("PRAGMA journal_mode=DELETE").fetchone()[0] != "delete":
                    raise AtRestError("in-use", f"another program has {path.name} open", remedy="stop the cart program first")
                _overwrite(trail)
            path.with_name(f"{path.name}-shm").unlink(missing_ok=True)
            _export(db, path, copy, after)
            _sync(copy)
            with contextlib.suppress(OSError):  # a file system without hard links: the old one is only removed
                os.link(path, old)
            _sync(path.parent)
            copy.replace(path)
            _sync(path.parent)
        finally:
            db.close()
    except (sqlcipher.Error, OSError) as exc:
        raise _fault(path, exc) from exc
    tidy(path, after)


def tidy(path: Path, key: Key) -> None:
    """Ends what a power cut broke off: removes half a copy, and the old file once the new one is in its place. Raises: AtRestError."""
    copy, old = path.with_name(f"{path.name}.sealing"), _old(path)
    try:
        for tail in ("", *_TAILS):
            copy.with_name(copy.name + tail).unlink(missing_ok=True)
        if not old.exists():
            return
        if not path.exists():
            raise AtRestError("damaged", f"{path.name} is gone, {old.name} is there", remedy=f"keep both, call support: rename {old.name}")
        if old.samefile(path):
            old.unlink()  # a second name only
            _sync(path.parent)
        elif fits(path, key):
            scrub(old)
    except OSError as exc:
        raise _fault(path, exc) from exc


def scrub(file: Path) -> None:
    """Overwrites a file with zeros on its disk and removes it. A flash disk may keep the old blocks: docs/security.md says what helps.

    Raises: OSError."""
    if not file.exists():
        return
    with file.open("r+b") as opened:
        _overwrite(opened.fileno())
    file.unlink()
    _sync(file.parent)


def scrub_database(path: Path) -> None:
    """The file and all that SQLite and `seal` put beside it. Raises: OSError."""
    for name in (path.name, f"{path.name}.old", f"{path.name}.sealing", f"{path.name}.damaged"):
        for tail in (*_TAILS, ""):
            scrub(path.with_name(name + tail))


def _old(path: Path) -> Path:
    return path.with_name(f"{path.name}.old")


def _export(db: sqlcipher.Connection, path: Path, copy: Path, key: Key) -> None:
    version = int(db.execute("PRAGMA user_version").fetchone()[0])
    db.execute(f"ATTACH DATABASE ? AS sealed KEY \"x'{key.value.hex()}'\"", (str(copy),))
    db.execute("SELECT sqlcipher_export('sealed')").fetchone()
    db.execute(f"PRAGMA sealed.user_version={version}")
    schema = "SELECT type, name, sql FROM {}.sqlite_master WHERE sql IS NOT NULL ORDER BY type, name"
    held = db.execute(schema.format("main")).fetchall()
    same = db.execute(schema.format("sealed")).fetchall() == held
    for kind, name, _ in held:
        if kind == "table" and same:
            table = '"' + str(name).replace('"', '""') + '"'
            count = "SELECT count(*) FROM {}." + table
            same = db.execute(count.format("main")).fetchone() == db.execute(count.format("sealed")).fetchone()
            more = f"SELECT 1 FROM (SELECT * FROM main.{table} EXCEPT SELECT * FROM sealed.{table}) LIMIT 1"
            same = same and db.execute(more).fetchone() is None
    db.execute("DETACH DATABASE sealed")
    if not same:
        raise AtRestError("damaged", f"the copy of {path.name} is not the same as the file", remedy="keep the file, call support")
    with reading(copy, key) as written:
        if written.execute("PRAGMA cipher_integrity_check").fetchone() is not None:
            raise AtRestError("damaged", f"the copy of {path.name} did not reach the disk whole", remedy="look after the disk")


@contextmanager
def _kept_open(file: Path) -> Iterator[int | None]:
    """The file's descriptor, so that it can be overwritten after SQLite removed its name."""
    descriptor = os.open(file, os.O_RDWR) if file.exists() else None
    try:
        yield descriptor
    finally:
        if descriptor is not None:
            os.close(descriptor)


def _overwrite(descriptor: int | None) -> None:
    if descriptor is None:
        return
    size_bytes = os.fstat(descriptor).st_size
    os.lseek(descriptor, 0, os.SEEK_SET)
    while size_bytes > 0:
        size_bytes -= os.write(descriptor, b"\x00" * min(size_bytes, _BLOCK_BYTES))
    os.fsync(descriptor)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _fault(path: Path, exc: sqlcipher.Error | OSError) -> AtRestError:
    code = getattr(exc, "sqlite_errorcode", 0) & 0xFF
    if code in (sqlcipher.SQLITE_BUSY, sqlcipher.SQLITE_LOCKED):
        return AtRestError("in-use", f"another program has {path.name} open", remedy="stop the cart program first")
    if code in (sqlcipher.SQLITE_CORRUPT, sqlcipher.SQLITE_NOTADB):
        return AtRestError("damaged", f"{path.name} is damaged: {exc}", remedy="keep the file, call support, chart on paper")
    return AtRestError(
        "disk", f"{path.name} cannot be put under its key: {exc}", remedy="free some space on this cart, look after the disk"
    )
