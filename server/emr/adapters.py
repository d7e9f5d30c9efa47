"""Which EMRs there are: those that ship, and those that somebody else's package registers.

An adapter is one `Adapter` value. A package makes its own known by an entry point of the group `pointofcare.emr`, so that nothing here
has to be edited; `docs/emr-adapters.md` shows one whole. A registered adapter never takes the name of one that ships.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import metadata

from pointofcare.errors import ConfigError
from server.config import EMR_ADAPTERS, EmrConfig
from server.emr import forms
from server.emr.forms import Form
from server.emr.hl7_ras import Receiver
from server.emr.port import EmrPort


@dataclass(frozen=True, slots=True, kw_only=True)
class Adapter:
    """`open` gives the connection for a configuration and a facility, without connecting yet; `form` in which words it is told.

    Both raise ConfigError for settings that cannot be used. A connection is used by one thread."""

    open: Callable[[EmrConfig, str], EmrPort]
    form: Callable[[EmrConfig, str], Form] = lambda _config, _facility: forms.FHIR


def _folder(config: EmrConfig, facility: str) -> EmrPort:
    from server.emr.folder import FolderEmr, claim

    claim(config.folder, facility=facility)
    return FolderEmr(config.folder)


def _fhir(config: EmrConfig, facility: str) -> EmrPort:
    from server.emr import fhir

    return fhir.opened(config, facility)


def _hl7v2(config: EmrConfig, _facility: str) -> EmrPort:
    from server.emr.mllp import Hl7Emr, Line

    if not config.host or not config.port:
        raise _unusable("hl7v2")
    line = Line(host=config.host, port=config.port, ca_file=config.ca_file, cert_file=config.cert_file, key_file=config.key_file)
    return Hl7Emr(line, drops_repeats=config.drops_repeats)


def _gnuhealth(config: EmrConfig, facility: str) -> EmrPort:
    from server.emr import gnuhealth

    return gnuhealth.opened(config, facility)


def _gnuhealth_form(config: EmrConfig, facility: str) -> Form:
    from server.emr import gnuhealth

    return gnuhealth.form(config, facility)


def _hl7v2_form(config: EmrConfig, facility: str) -> Form:
    application, receiving = config.application or "EMR", config.receiving_facility or ""
    return forms.hl7v2(Receiver(facility=facility, application=application, receiving_facility=receiving))


SHIPPED: Mapping[str, Adapter] = {
    "folder": Adapter(open=_folder),
    "fhir": Adapter(open=_fhir),
    "hl7v2": Adapter(open=_hl7v2, form=_hl7v2_form),
    "gnuhealth": Adapter(open=_gnuhealth, form=_gnuhealth_form),
}


def adapter(target: str) -> Adapter:
    """The adapter of this name. Raises: ConfigError: there is none, or what is registered cannot be loaded."""
    shipped = SHIPPED.get(target)
    if shipped is not None:
        return shipped
    found = tuple(metadata.entry_points(group=EMR_ADAPTERS, name=target))
    if len(found) > 1:
        raise ConfigError(f"several packages register the EMR {target!r}", remedy="uninstall all but one of them")
    if not found:
        raise _unusable(target)
    try:
        loaded = found[0].load()
    except Exception as exc:
        raise ConfigError(f"the EMR adapter {target!r} cannot be loaded: {type(exc).__name__}: {exc}", remedy="mend its package") from exc
    if not isinstance(loaded, Adapter):
        raise ConfigError(f"{found[0].value} is not an Adapter", remedy="see docs/emr-adapters.md")
    return loaded


def _unusable(target: str) -> ConfigError:
    remedy = (
        'set emr.target to "folder", to "fhir" with emr.base_url, to "hl7v2" with emr.host and emr.port, '
        'to "gnuhealth" as docs/gnuhealth.md says, or to an adapter that is installed'
    )
    return ConfigError(f"EMR target {target!r} is not usable", remedy=remedy)
