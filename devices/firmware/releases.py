"""Releases out of a repository that is signed as The Update Framework says (TUF 1.0.31): the client's side.

Trust begins with the root metadata that was put here when the machine was installed, and with nothing else. What comes out was
signed by the release's role, is not older than what was seen before, and has not expired. Nothing that was not verified is ever
returned. The same code checks a repository before it is published, so that nothing is published that no cart would take.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

import urllib3
from tuf.api import exceptions
from tuf.api.metadata import TargetFile
from tuf.ngclient import FetcherInterface, Updater, UpdaterConfig

from pointofcare import firmware
from pointofcare.errors import (
    ConfigError,
    ImageRejectedError,
    ReleasesExpiredError,
    ReleasesUnreachableError,
    ReleasesUntrustedError,
)
from pointofcare.firmware import Target

_TIMEOUT_S = 10.0
_CHUNK_BYTES = 64 * 1024
_Answer = TypeVar("_Answer")
logging.getLogger("tuf").setLevel(logging.WARNING)  # it tells of every key that did not sign, also where another one did
_one_at_a_time = threading.Lock()  # two clients over one cache would write over each other


class HttpFetcher(FetcherInterface):
    """Over HTTP or HTTPS, without proxies of the environment. `ca_file`: the authority of a server with a certificate of the hospital's
    own; `cert_file` and `key_file`: this machine's, where the server asks for one."""

    def __init__(self, *, ca_file: Path | None = None, cert_file: Path | None = None, key_file: Path | None = None) -> None:
        files = {"ca_certs": ca_file, "cert_file": cert_file, "key_file": key_file}
        settings: dict[str, Any] = {name: str(file) for name, file in files.items() if file is not None}
        retries, timeout = urllib3.Retry(2, redirect=0, backoff_factor=0.2), urllib3.Timeout(_TIMEOUT_S)
        self._pool = urllib3.PoolManager(retries=retries, timeout=timeout, **settings)

    def _fetch(self, url: str) -> Iterator[bytes]:
        yield from self.rest(url, 0)

    def rest(self, url: str, begin: int) -> Iterator[bytes]:
        """From byte `begin` on; a server that gives no part of a file is no error of the network."""
        headers = {"Accept-Encoding": "identity", **({"Range": f"bytes={begin}-"} if begin else {})}
        answer = self._pool.request("GET", url, preload_content=False, headers=headers)
        if answer.status != (206 if begin else 200):
            answer.close()
            raise exceptions.DownloadHTTPError(f"{url} answered {answer.status}", answer.status)
        try:
            yield from answer.stream(_CHUNK_BYTES)
        finally:
            answer.release_conn()

    def close(self) -> None:
        self._pool.clear()


class FolderFetcher(FetcherInterface):
    """Out of a folder of this machine: `metadata` for what lies under /metadata/ and `targets` for /targets/."""

    def __init__(self, metadata: Path, targets: Path) -> None:
        self._folders = {"metadata": metadata, "targets": targets}

    def _fetch(self, url: str) -> Iterator[bytes]:
        kind, _, below = unquote(urlsplit(url).path).lstrip("/").partition("/")
        if ".." in below.split("/") or kind not in self._folders:
            raise exceptions.DownloadHTTPError("no such file", 404)
        try:
            content = (self._folders[kind] / below).read_bytes()
        except OSError as exc:
            raise exceptions.DownloadHTTPError("no such file", 404) from exc
        yield content


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where releases come from. `url` ends where `/metadata/` and `/targets/` begin; `root` is the pinned root metadata; `cache`
    belongs to this machine alone and keeps what was seen, so that older lists are refused."""

    url: str
    root: bytes
    cache: Path
    fetcher: FetcherInterface


def folder(metadata: Path, targets: Path, *, root: bytes, cache: Path) -> Source:
    """A source for a check of what lies on this machine."""
    return Source(url="folder://here", root=root, cache=cache, fetcher=FolderFetcher(metadata, targets))


def lookup(source: Source, name: str) -> Target | None:
    """The release of that name as it is signed now; None when there is none (any more).

    Raises: ReleasesUnreachableError, ReleasesExpiredError, ReleasesUntrustedError; ImageRejectedError when its entry is incomplete."""
    with _one_at_a_time:
        found = _lookup(_client(source), name)
    return found[0] if found is not None else None


def fetch(source: Source, wanted: Target) -> bytes:
    """The file of `wanted`, which must be signed now exactly as it is wanted. The image in it is not checked here.

    Raises: ImageRejectedError (there is no such release, or another under its name), and as `lookup`."""
    with _one_at_a_time:
        client = _client(source)
        answer = _lookup(client, wanted.name)
        if answer is None:
            raise ImageRejectedError(f"there is no release {wanted.name}", remedy="it was withdrawn, or never signed", why="not-released")
        found, entry = answer
        _same(wanted, found)
        path = source.cache / "image.bin"
        content = _guarded(lambda: Path(client.download_target(entry, str(path))).read_bytes())
        path.unlink(missing_ok=True)
        return content


def download(source: Source, wanted: Target, path: Path) -> None:
    """As `fetch`, for what is too large to be held in memory and to be fetched twice: what came before goes on from `path`. It is at
    `path` with its signed length and hash when this returns. The image in it is not checked here."""
    with _one_at_a_time:
        answer = _lookup(_client(source), wanted.name)
    if answer is None:
        raise ImageRejectedError(f"there is no release {wanted.name}", remedy="it was withdrawn, or never signed", why="not-released")
    found, entry = answer
    _same(wanted, found)
    folder, _, base = wanted.name.rpartition("/")
    url = f"{source.url}/targets/{folder}/{wanted.sha256}.{base}"

    def take() -> None:
        there = path.stat().st_size if path.exists() else 0
        if there < wanted.length:
            goes_on = there and isinstance(source.fetcher, HttpFetcher)
            with path.open("ab" if goes_on else "wb") as file:
                pieces = source.fetcher.rest(url, there) if isinstance(source.fetcher, HttpFetcher) else source.fetcher.fetch(url)
                for piece in pieces:
                    file.write(piece)
                    if file.tell() > wanted.length:
                        break  # it cannot be what is signed
        try:
            with path.open("rb") as file:
                entry.verify_length_and_hashes(file)
        except exceptions.LengthOrHashMismatchError:
            if path.stat().st_size >= wanted.length:
                path.unlink()  # begin anew; what is only short goes on
            raise

    try:
        _guarded(take)
    except urllib3.exceptions.HTTPError as exc:
        raise ReleasesUnreachableError(f"the releases cannot be fetched: {exc}", remedy="check the network and the address") from exc


def _same(wanted: Target, found: Target) -> None:
    """Raises: ImageRejectedError."""
    differing = firmware.differences(wanted, found)
    if differing:
        raise ImageRejectedError(
            f"the release {wanted.name} is signed with another {', '.join(differing)}", remedy="assign it anew", why="release-differs"
        )


def _client(source: Source) -> Updater:
    metadata = source.cache / "metadata"
    try:
        metadata.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise ConfigError(f"{metadata} cannot be made: {exc.strerror}", remedy="check the folder and the free space") from exc
    config = UpdaterConfig(root_max_length=256_000, targets_max_length=2_000_000, snapshot_max_length=500_000)
    return _guarded(
        lambda: Updater(
            str(metadata),
            f"{source.url}/metadata/",
            str(source.cache),
            f"{source.url}/targets/",
            fetcher=source.fetcher,
            config=config,
            bootstrap=source.root,
        )
    )


def _lookup(client: Updater, name: str) -> tuple[Target, TargetFile] | None:
    entry = _guarded(lambda: client.get_targetinfo(name))
    if entry is None:
        return None
    return firmware.told(entry.path, entry.length, entry.hashes.get("sha256"), entry.custom), entry


def _guarded(act: Callable[[], _Answer]) -> _Answer:
    try:
        return act()
    except exceptions.ExpiredMetadataError as exc:
        raise ReleasesExpiredError(f"the signed list of releases has expired: {exc}", remedy="check the clock, then the server") from exc
    except exceptions.DownloadError as exc:
        raise ReleasesUnreachableError(f"the releases cannot be fetched: {exc}", remedy="check the network and the address") from exc
    except exceptions.RepositoryError as exc:
        raise ReleasesUntrustedError(f"the list of releases is not signed as it must be: {exc}", remedy="tell the fleet manager") from exc
    except (OSError, ValueError) as exc:
        raise ReleasesUnreachableError(f"the releases cannot be kept here: {exc}", remedy="check the free space") from exc
