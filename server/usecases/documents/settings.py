"""What a hospital sets of its documents: `documents.toml`, named by `documents.file`. Read once, every fault told at once.

Its name and logo, titles, form numbers, columns and signature lines of each form, a folder of templates of its own, how a paper is looked
up, who signs. Holds no secret: it names the files that do.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

from pointofcare.errors import ConfigError
from server.usecases.documents.kinds import KINDS, Column, Kind

PAPERS = ("A4", "A4 landscape", "A5", "A5 landscape")
SIGNER_KINDS = ("pkcs12", "pem", "remote")
_LOGOS = {".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".svg": "image/svg+xml"}
_MOST_LOGO_BYTES = 512 * 1024
_HOSPITAL = ("name", "authority", "address", "phone")


@dataclass(frozen=True, slots=True, kw_only=True)
class SignerSettings:
    """`pkcs12`: `file`, opened with what `passphrase_file` says. `pem`: `key_file` and `cert_file`. `remote`: the key lies with a
    provider at `url`; `credential` names it there, with "{staff}" for whoever prints."""

    id: str
    kind: str
    file: Path | None = None
    key_file: Path | None = None
    cert_file: Path | None = None
    chain_files: tuple[Path, ...] = ()
    passphrase_file: Path | None = None
    url: str = ""
    token_file: Path | None = None
    credential: str = ""
    timeout_s: int = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """`lookup` is the address under which anybody reaches this server's pages, "" where nobody outside does. `trust_files` are the roots
    against which signatures are checked. `timestamps` is the address of a time-stamping authority (RFC 3161)."""

    hospital: Mapping[str, str] = field(default_factory=dict)
    logo: tuple[str, bytes] | None = None
    kinds: Mapping[str, Kind] = field(default_factory=lambda: KINDS)
    templates: Path | None = None
    lookup: str = ""
    keep_days: int = 30
    signers: tuple[SignerSettings, ...] = ()
    trust_files: tuple[Path, ...] = ()
    timestamps: str = ""
    with_validation: bool = False
    reason: str = "Phát hành tài liệu từ hồ sơ bệnh án điện tử"


def load(path: Path | None) -> Settings:
    """What ships, changed by the file. Raises: ConfigError with every fault."""
    if path is None:
        return Settings()
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as exc:
        raise ConfigError(f"{path} cannot be read: {exc.strerror}", remedy="correct documents.file") from exc
    except ValueError as exc:
        raise ConfigError(f"{path} is not TOML: {exc}", problems=((str(path), str(exc)),)) from exc
    return read(values, anchor=path.resolve().parent)


def read(values: Mapping[str, Any], *, anchor: Path) -> Settings:
    """As `load`, of parsed TOML; relative paths start at `anchor`. Raises: ConfigError."""
    problems: list[tuple[str, str]] = []
    known = ("hospital", "lookup", "files", "form", "signing", "signer")
    problems += [(name, "is not known here") for name in values if name not in known]
    hospital = _table(values, "hospital", {*_HOSPITAL, "logo"}, problems)
    lookup = _table(values, "lookup", {"address"}, problems)
    files = _table(values, "files", {"templates", "keep_days"}, problems)
    signing = _table(values, "signing", {"timestamps", "trust_files", "with_validation", "reason"}, problems)
    address = _text(lookup, "lookup.address", problems).rstrip("/")
    if address and urlsplit(address).scheme not in ("http", "https"):
        problems.append(("lookup.address", "must be the http(s) address of this server as phones reach it"))
    timestamps = _text(signing, "signing.timestamps", problems)
    if timestamps and urlsplit(timestamps).scheme not in ("http", "https"):
        problems.append(("signing.timestamps", "must be the http(s) address of a time-stamping authority"))
    keep_days = files.get("keep_days", 30)
    if not isinstance(keep_days, int) or isinstance(keep_days, bool) or not 1 <= keep_days <= 4000:
        problems.append(("files.keep_days", "must be a whole number from 1 to 4000"))
        keep_days = 30
    templates = _file(files, "files.templates", anchor, problems)
    if templates is not None and not templates.is_dir():
        problems.append(("files.templates", f"{templates} is no folder"))
    trust = _files(signing, "signing.trust_files", anchor, problems)
    with_validation = signing.get("with_validation", False)
    if not isinstance(with_validation, bool):
        problems.append(("signing.with_validation", "must be true or false"))
    if with_validation is True and not (timestamps and trust):
        problems.append(("signing.with_validation", "needs timestamps and trust_files"))
    signers = _signers(values.get("signer", []), anchor, problems)
    found = Settings(
        hospital=MappingProxyType({name: _text(hospital, f"hospital.{name}", problems) for name in _HOSPITAL}),
        logo=_logo(_file(hospital, "hospital.logo", anchor, problems), problems),
        kinds=_kinds(values.get("form", {}), problems),
        templates=templates,
        lookup=address,
        keep_days=keep_days,
        signers=signers,
        trust_files=trust,
        timestamps=timestamps,
        with_validation=with_validation is True,
        reason=_text(signing, "signing.reason", problems) or Settings().reason,
    )
    if problems:
        raise ConfigError("the documents are not set up", problems=tuple(problems), remedy="correct the file of documents.file")
    return found


def _kinds(forms: Any, problems: list[tuple[str, str]]) -> Mapping[str, Kind]:
    if not isinstance(forms, Mapping):
        problems.append(("form", "write [form.KIND] and its settings below"))
        return KINDS
    kinds = dict(KINDS)
    for id_, row in forms.items():
        where = f"form.{id_}"
        kind = KINDS.get(id_)
        if kind is None or not isinstance(row, Mapping):
            problems.append((where, f"is no form: one of {', '.join(KINDS)}"))
            continue
        problems += [(f"{where}.{name}", "is not known here") for name in row if name not in _OF_FORM]
        if row.get("paper", kind.paper) not in PAPERS:
            problems.append((f"{where}.paper", f"must be one of {', '.join(PAPERS)}"))
        kinds[id_] = replace(
            kind,
            title=_text(row, f"{where}.title", problems) or kind.title,
            form=_text(row, f"{where}.number", problems) or kind.form,
            paper=str(row.get("paper", kind.paper)),
            columns=_columns(kind, row, where, problems),
            signatures=_texts(row, f"{where}.signatures", problems) or kind.signatures,
        )
    return MappingProxyType(kinds)


_OF_FORM = frozenset({"title", "number", "paper", "columns", "headings", "widths", "signatures"})


def _columns(kind: Kind, row: Mapping[str, Any], where: str, problems: list[tuple[str, str]]) -> tuple[Column, ...]:
    """In the order that the hospital wants, with its headings."""
    known = {column.id: column for column in kind.columns}
    chosen = _texts(row, f"{where}.columns", problems) or tuple(known)
    headings = _table(row, "headings", set(known), problems, of=where)
    widths = _table(row, "widths", set(known), problems, of=where)
    found = []
    for id_ in chosen:
        if id_ not in known or chosen.count(id_) > 1:
            problems.append((f"{where}.columns", f"{id_!r} is no column of this form, or stands there twice: {', '.join(known)}"))
            continue
        width = widths.get(id_, known[id_].width)
        if not isinstance(width, int) or isinstance(width, bool) or not 3 <= width <= 100:
            problems.append((f"{where}.widths.{id_}", "must be a whole number from 3 to 100"))
            width = known[id_].width
        found.append(replace(known[id_], heading=_text(headings, f"{where}.headings.{id_}", problems) or known[id_].heading, width=width))
    return tuple(found)


def _signers(rows: Any, anchor: Path, problems: list[tuple[str, str]]) -> tuple[SignerSettings, ...]:
    if not isinstance(rows, list) or not all(isinstance(row, Mapping) for row in rows):
        problems.append(("signer", "write [[signer]] and its settings below"))
        return ()
    found: list[SignerSettings] = []
    for place, row in enumerate(rows):
        where = f"signer[{place}]"
        problems += [(f"{where}.{name}", "is not known here") for name in row if name not in SignerSettings.__slots__]
        kind, id_ = _text(row, f"{where}.kind", problems), _text(row, f"{where}.id", problems)
        if kind not in SIGNER_KINDS:
            problems.append((f"{where}.kind", f"must be one of {', '.join(SIGNER_KINDS)}"))
            continue
        if not id_.isidentifier() or id_ in {one.id for one in found}:
            problems.append((f"{where}.id", "is a word that is used once"))
        needed = {"pkcs12": ("file",), "pem": ("key_file", "cert_file"), "remote": ("url", "cert_file", "credential")}[kind]
        problems += [(f"{where}.{name}", "is missing") for name in needed if not row.get(name)]
        url = _text(row, f"{where}.url", problems)
        parts = urlsplit(url)
        if url and parts.scheme != "https" and parts.hostname not in ("127.0.0.1", "localhost", "::1"):
            problems.append((f"{where}.url", "must be https: what is signed and the token go over it"))
        timeout = row.get("timeout_s", 20)
        if not isinstance(timeout, int) or isinstance(timeout, bool) or not 1 <= timeout <= 120:
            problems.append((f"{where}.timeout_s", "must be a whole number from 1 to 120"))
            timeout = 20
        paths = {name: _file(row, f"{where}.{name}", anchor, problems) for name in ("file", "key_file", "cert_file", "passphrase_file")}
        found.append(
            SignerSettings(
                id=id_,
                kind=kind,
                chain_files=_files(row, f"{where}.chain_files", anchor, problems),
                url=url,
                token_file=_file(row, f"{where}.token_file", anchor, problems),
                credential=_text(row, f"{where}.credential", problems),
                timeout_s=timeout,
                **paths,
            )
        )
    return tuple(found)


def _logo(path: Path | None, problems: list[tuple[str, str]]) -> tuple[str, bytes] | None:
    if path is None:
        return None
    if path.suffix.lower() not in _LOGOS:
        problems.append(("hospital.logo", "must be a PNG, JPEG or SVG"))
        return None
    try:
        content = path.read_bytes()
    except OSError as exc:
        problems.append(("hospital.logo", f"cannot be read: {exc.strerror}"))
        return None
    if len(content) > _MOST_LOGO_BYTES:
        problems.append(("hospital.logo", "is larger than 512 KB: every page carries it"))
    return _LOGOS[path.suffix.lower()], content


def _table(values: Mapping[str, Any], name: str, known: set[str], problems: list[tuple[str, str]], *, of: str = "") -> Mapping[str, Any]:
    where = f"{of}.{name}" if of else name
    found = values.get(name, {})
    if not isinstance(found, Mapping):
        problems.append((where, f"make it a table: [{where}]"))
        return {}
    problems += [(f"{where}.{each}", "is not known here") for each in found if each not in known]
    return found


def _text(values: Mapping[str, Any], where: str, problems: list[tuple[str, str]]) -> str:
    found = values.get(where.rpartition(".")[2], "")
    if not isinstance(found, str):
        problems.append((where, "must be a text in quotes"))
        return ""
    return found.strip()


def _texts(values: Mapping[str, Any], where: str, problems: list[tuple[str, str]]) -> tuple[str, ...]:
    found = values.get(where.rpartition(".")[2], [])
    if not isinstance(found, list) or any(not isinstance(each, str) or not each.strip() for each in found):
        problems.append((where, "must be a list of texts"))
        return ()
    return tuple(each.strip() for each in found)


def _file(values: Mapping[str, Any], where: str, anchor: Path, problems: list[tuple[str, str]]) -> Path | None:
    found = _text(values, where, problems)
    return anchor / found if found else None


def _files(values: Mapping[str, Any], where: str, anchor: Path, problems: list[tuple[str, str]]) -> tuple[Path, ...]:
    return tuple(anchor / each for each in _texts(values, where, problems))
