"""Where a broker listens: plain on loopback, with TLS everywhere else."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from pointofcare.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """`host` is an address. `cert_file` and `key_file` turn TLS on; with `client_ca_file` every client must also show a
    certificate of that CA. With `by_certificate` that certificate says who the client is, and nobody has a password; `crl_file`
    is the CA's revocation list, for a broker that reads one. Raises ConfigError when passwords would cross an open network, or
    a file is not there."""

    host: str = "127.0.0.1"
    cert_file: Path | None = None
    key_file: Path | None = None
    client_ca_file: Path | None = None
    by_certificate: bool = False
    crl_file: Path | None = None
    # True where the configuration is written for another machine, which has the files.
    elsewhere: bool = False

    def __post_init__(self) -> None:
        problems: list[tuple[str, str]] = []
        try:
            loopback = ip_address(self.host).is_loopback
        except ValueError:
            problems.append(("host", "give an IP address, such as 0.0.0.0"))
            loopback = True
        if not loopback and self.cert_file is None:
            problems.append(("cert_file", "name the broker's certificate: only loopback may be plain"))
        if (self.cert_file is None) != (self.key_file is None):
            problems.append(("key_file", "name the certificate and its key together"))
        if self.client_ca_file is not None and self.cert_file is None:
            problems.append(("client_ca_file", "it needs cert_file and key_file too"))
        if (self.by_certificate or self.crl_file is not None) and self.client_ca_file is None:
            problems.append(("client_ca_file", "name the CA of the clients' certificates"))
        for name in ("cert_file", "key_file", "client_ca_file", "crl_file"):
            path = getattr(self, name)
            if path is not None and not self.elsewhere and not path.is_file():
                problems.append((name, f"{path} is not there"))
        if problems:
            raise ConfigError(f"the broker cannot listen on {self.host}: {problems[0][1]}", problems=tuple(problems))

    @property
    def local_host(self) -> str:
        """The address by which this machine reaches it."""
        address = ip_address(self.host)
        if not address.is_unspecified:
            return self.host
        return "127.0.0.1" if address.version == 4 else "::1"

    @property
    def address(self) -> str:
        return f"[{self.host}]" if ":" in self.host else self.host


LOOPBACK = Listener()
