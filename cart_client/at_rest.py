"""What the cart keeps on its disk is encrypted, and this decides under which key.

`unlock` is called once, before any database is opened: it finds the key, puts a database in clear (of an older program) or under an older
key under the one in use, and says how well the key is kept. A note beside the databases (`at-rest.json`, no secret) remembers which source
had the key, so that a missing key is told from a first start. It never draws a key, or begins an empty database, where an encrypted
database lies already.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import IO

from cart_client import key_sources, sealed
from cart_client.key_sources import Protection, Source
from cart_client.sealed import AtRestError, Key

log = logging.getLogger(__name__)

JOURNAL = "journal.sqlite"
CHART = "chart.sqlite"
DATABASES = (JOURNAL, CHART)
NOTE = "at-rest.json"
_LOCK = "at-rest.lock"
_IDENTITY = ("cart.pem", "next.pem", "pending.key")
PAPER = "chart on paper, use another cart"


@dataclass(frozen=True, slots=True, kw_only=True)
class AtRest:
    """The settings `[at_rest]`. `source` None is the default: a file beside `data_dir`, drawn at the first start. `credentials` is the
    folder that systemd gives to the program. Tables that expired longer than `erase_expired_after` ago are erased."""

    source: Source | None = None
    credentials: Path | None = None
    erase_expired_after: timedelta = timedelta(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unlocked:
    """The key of every database in the folder. `told` are sentences for whoever starts the cart."""

    key: Key
    source: Source
    protection: Protection
    told: tuple[str, ...]
    hold: IO[str]

    def close(self) -> None:
        """Others may change the key again."""
        self.hold.close()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Note:
    source: Source
    check: str


def default_source(data_dir: Path) -> Source:
    """Beside the folder, not in it: what copies or takes away the folder alone does not have the key."""
    place = data_dir.absolute()
    return Source(kind="file", name=str(place.with_name(f"{place.name}.key")))


def unlock(data_dir: Path, settings: AtRest) -> Unlocked:
    """The key for the databases in `data_dir`, all of which are under it when this returns. May be called while another program has them
    open, as long as nothing has to be changed. Raises: AtRestError; nothing was changed then that cannot be gone on with."""
    data_dir.mkdir(parents=True, exist_ok=True)
    source, keys, told = _keys(data_dir, settings)
    _refuse_wrong(data_dir, source, keys)
    own = key_sources.read(source, settings.credentials)
    spare = source.kind == "file" and len(own) > 1
    if spare or _work(data_dir, keys):
        with exclusive(data_dir):
            told += settle(data_dir, keys)
            note(data_dir, source, keys[0])
            if spare:
                key_sources.write(Path(source.name), own[:1])
    elif (held := _note(data_dir)) is None or (held.source, held.check) != (source, keys[0].check):
        note(data_dir, source, keys[0])
    protection = key_sources.protection(source, data_dir)
    if protection is Protection.CLEAR:
        clear = (
            f"IN CLEAR: the key of this cart's database ({source}) lies on the same disk: whoever takes the disk can read patients' data"
        )
        told += (clear + "; docs/running.md, At rest, says how to keep it elsewhere",)
    return Unlocked(key=keys[0], source=source, protection=protection, told=told, hold=_hold(data_dir, fcntl.LOCK_SH))


def settle(data_dir: Path, keys: tuple[Key, ...]) -> tuple[str, ...]:
    """Every database under the first key, from clear or from one of the others; what was done, as sentences. The caller has `exclusive`.

    A chart that cannot be put under it is removed: it is a copy, and the server sends it again. Raises: AtRestError for the journal."""
    told: tuple[str, ...] = ()
    for name in DATABASES:
        path = data_dir / name
        try:
            if not path.exists():
                continue
            if sealed.is_plain(path):
                sealed.seal(path, before=None, after=keys[0])
                told += (f"{name} was not encrypted: it is now",)
                continue
            before = next((key for key in keys if sealed.fits(path, key)), None)
            if before is None:
                continue  # of the chart: a damaged copy, which is put aside when it is opened
            if before != keys[0]:
                sealed.seal(path, before=before, after=keys[0])
                told += (f"{name} is under another key now",)
            else:
                sealed.tidy(path, keys[0])
        except AtRestError as exc:
            if name == JOURNAL or exc.why == "in-use":
                raise
            with contextlib.suppress(OSError):
                sealed.scrub_database(path)
            told += (f"{name} could not be encrypted and was removed ({exc.message}): the server will be asked for it",)
    return told


def rotate(data_dir: Path, settings: AtRest) -> Unlocked:
    """A new key for the databases, in the same file. A power cut in between is ended by the next start: the file names the new key and the
    old one until every database is under the new one. Raises: AtRestError, also when the key is not in a file (a person draws that)."""
    source, keys = keys_of(data_dir, settings)
    if source.kind != "file":
        message = f"a new key cannot be written into {source}"
        raise AtRestError(
            "key-unreadable", message, remedy="write the new key as its first line and the old one as its second: then start the cart"
        )
    with exclusive(data_dir):
        settle(data_dir, keys)
        try:
            key_sources.write(Path(source.name), (sealed.draw(), keys[0]))
        except OSError as exc:
            raise AtRestError("disk", f"no key can be written to {source}: {exc}", remedy="make the folder writable") from exc
    return unlock(data_dir, settings)


def move(data_dir: Path, settings: AtRest, to: Source) -> tuple[str, ...]:
    """The databases under the key of another source, which draws one only where it is a file; the key before is destroyed where that is
    possible. What a person has still to do, as sentences. A power cut in between leaves both keys, and the next start goes on with the
    source that cart.toml names. Raises: AtRestError."""
    source, keys = keys_of(data_dir, settings)
    if to == source:
        raise AtRestError("key-unreadable", f"the key is in {to} already", remedy="nothing to do; key rotate draws a new one")
    wanted = key_sources.read(to, settings.credentials)
    if not wanted and to.kind == "file":
        key_sources.draw(Path(to.name))
        wanted = key_sources.read(to, settings.credentials)
    if not wanted:
        raise AtRestError("key-missing", f"there is no key in {to}", remedy=key_sources.remedy(to))
    with exclusive(data_dir):
        note(data_dir, to, wanted[0])
        settle(data_dir, (*wanted, *keys))
        try:
            gone = key_sources.destroy(source)
        except OSError as exc:
            raise AtRestError("disk", f"the key in {source} could not be removed: {exc}", remedy="remove it by hand") from exc
    told = f'write key = "{to}" under [at_rest] in cart.toml, before the cart starts'
    return (told,) if gone else (told, f"the key in {source} still exists: remove it there")


def wipe(data_dir: Path, settings: AtRest, identity_dir: Path | None) -> tuple[str, ...]:
    """Nothing that this cart recorded, and not the cart itself, can be read or used afterwards: the keys first, so that a power cut leaves
    something unreadable; then the databases, then the certificate. What a person has still to do. The caller has asked, and has seen to
    what was not sent. Raises: AtRestError."""
    held = _note(data_dir)
    sources = {settings.source or default_source(data_dir), *((held.source,) if held is not None else ())}
    told: tuple[str, ...] = ()
    try:
        with exclusive(data_dir):
            for source in sorted(sources, key=str):
                if not key_sources.destroy(source):
                    told += (f"remove the key in {source} by hand",)
            for file in sorted(data_dir.iterdir()):
                if file.is_file() and file.name != _LOCK:
                    sealed.scrub(file)
            if identity_dir is not None:
                for name in _IDENTITY:
                    for tail in (".new", ""):
                        sealed.scrub(identity_dir / (name + tail))
    except OSError as exc:
        raise AtRestError("disk", f"not all could be removed: {exc}", remedy="call again; else destroy the disk") from exc
    return told


def keys_of(data_dir: Path, settings: AtRest) -> tuple[Source, tuple[Key, ...]]:
    """Where the key is, and all that may be the key of a database here; nothing is drawn or changed. Raises: AtRestError."""
    source, keys, _ = _keys(data_dir, settings, drawing=False)
    _refuse_wrong(data_dir, source, keys)
    return source, keys


def open_elsewhere(data_dir: Path) -> Key:
    """The key of a cart with the default setting, for whoever reads its databases from outside: the demo's proof, a checker, a test.
    Raises: AtRestError."""
    return keys_of(data_dir, AtRest())[1][0]


def note(data_dir: Path, source: Source, key: Key) -> None:
    """Remember whose key it is. Raises: AtRestError."""
    path = data_dir / NOTE
    fresh = path.with_name(f"{NOTE}.new")
    try:
        with fresh.open("w", encoding="utf-8") as file:
            json.dump({"source": str(source), "check": key.check}, file)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except OSError as exc:
        raise AtRestError("disk", f"{path} cannot be written: {exc}", remedy="free some space on this cart") from exc


@contextmanager
def exclusive(data_dir: Path) -> Iterator[None]:
    """Nobody else has the databases open meanwhile. Raises: AtRestError (in-use)."""
    with _hold(data_dir, fcntl.LOCK_EX):
        yield


def _hold(data_dir: Path, how: int) -> IO[str]:
    file = (data_dir / _LOCK).open("a", encoding="utf-8")
    try:
        fcntl.flock(file, how | fcntl.LOCK_NB)
    except OSError as exc:
        file.close()
        raise AtRestError("in-use", f"another program has {data_dir} open", remedy="stop the cart program first") from exc
    return file


def _note(data_dir: Path) -> _Note | None:
    try:
        held = json.loads((data_dir / NOTE).read_text(encoding="utf-8"))
        return _Note(source=key_sources.parse(str(held["source"]), beside=data_dir), check=str(held["check"]))
    except (OSError, ValueError, TypeError, KeyError):
        return None  # only a help for the messages and for a move that was not written into cart.toml yet


def _keys(data_dir: Path, settings: AtRest, *, drawing: bool = True) -> tuple[Source, tuple[Key, ...], tuple[str, ...]]:
    """The source in use, its keys, then those of the source before, and what is to be told."""
    source = settings.source or default_source(data_dir)
    held = _note(data_dir)
    keys = key_sources.read(source, settings.credentials)
    before: tuple[Key, ...] = ()
    if held is not None and held.source != source:
        try:
            before = key_sources.read(held.source, settings.credentials)
        except AtRestError as exc:
            log.warning("the source before cannot be read: %s", exc)
    if keys:
        return source, tuple(dict.fromkeys((*keys, *before))), ()
    if before and held is not None:
        told = f'the key is in {held.source}, not in {source}: write key = "{held.source}" under [at_rest] in cart.toml'
        return held.source, before, (told,)
    locked = held is not None or any(_is_sealed(data_dir / name) for name in DATABASES)
    if drawing and settings.source is None and not locked:
        return (
            source,
            (key_sources.draw(Path(source.name)),),
            (f"a key was drawn into {source.name}: a copy of it belongs in the hospital's safe",),
        )
    where = f"{source} (last used: {held.source})" if held is not None and held.source != source else str(source)
    kept = "what this cart recorded is kept and waits for it" if locked else "nothing is recorded yet"
    message = f"the key of this cart's database is missing: {where}; {kept}"
    raise AtRestError("key-missing", message, remedy=f"{PAPER}; {key_sources.remedy(source)}")


def _is_sealed(path: Path) -> bool:
    return path.exists() and path.stat().st_size > 0 and not sealed.is_plain(path)


def _refuse_wrong(data_dir: Path, source: Source, keys: tuple[Key, ...]) -> None:
    path = data_dir / JOURNAL
    if sealed.is_plain(path) or any(sealed.fits(path, key) for key in keys):
        return
    held = _note(data_dir)
    if held is not None and any(key.check == held.check for key in keys):
        raise AtRestError("damaged", "the journal is damaged: its own key does not open it", remedy=f"keep the file, call support, {PAPER}")
    message = f"the key in {source} is not the key of this cart's journal; what it recorded is kept and waits for the right key"
    raise AtRestError("key-wrong", message, remedy=f"{PAPER}; bring the key back that was used last" + (f": {held.source}" if held else ""))


def _work(data_dir: Path, keys: tuple[Key, ...]) -> bool:
    for name in DATABASES:
        path = data_dir / name
        if any(path.with_name(name + tail).exists() for tail in (".old", ".sealing")):
            return True
        if path.exists() and (sealed.is_plain(path) or not sealed.fits(path, keys[0])):
            return True
    return False
