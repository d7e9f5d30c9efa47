"""The electronic medical record: where the server's outbox goes. `open_emr` is the one place that knows the targets."""

from __future__ import annotations

from pointofcare.errors import ConfigError
from pointofcare.wire.training import is_training
from server.config import EmrConfig
from server.emr import forms
from server.emr.fhir_mapping import MappingContext
from server.emr.forms import Form
from server.emr.hl7_ras import Receiver
from server.emr.port import EmrPort

__all__ = ["EmrPort", "MappingContext", "form_of", "mapping_context", "open_emr"]


def mapping_context(config: EmrConfig, *, facility: str) -> MappingContext:
    """How this hospital names things in FHIR. Without a configured base, a name that can belong to nobody else is used."""
    systems = {"patient": config.patient_system, "order": config.order_system, "staff": config.staff_system}
    return MappingContext(
        site=config.identifiers or f"https://pointofcare.invalid/{facility}",
        systems={name: system for name, system in systems.items() if system},
        is_training=is_training(facility),
    )


def open_emr(config: EmrConfig, *, facility: str) -> EmrPort:
    """The configured target; nothing is connected yet. Raises: ConfigError."""
    if config.target == "folder":
        from server.emr.folder import FolderEmr, claim

        claim(config.folder, facility=facility)
        return FolderEmr(config.folder)
    if config.target == "fhir" and config.base_url:
        from server.emr.fhir import FhirEmr

        system = mapping_context(config, facility=facility).system("administration")
        auth = None
        if config.token_url and config.client_id and config.client_secret:
            from server.emr.token import ClientCredentials

            auth = ClientCredentials(
                config.token_url, client_id=config.client_id, client_secret=config.client_secret, scope=config.scope or ""
            )
        return FhirEmr(config.base_url, identifier_system=system, token=config.token, auth=auth)
    if config.target == "hl7v2" and config.host and config.port:
        from server.emr.mllp import Hl7Emr, Line

        line = Line(host=config.host, port=config.port, ca_file=config.ca_file, cert_file=config.cert_file, key_file=config.key_file)
        return Hl7Emr(line, drops_repeats=config.drops_repeats)
    remedy = 'set emr.target to "folder", to "fhir" with emr.base_url, or to "hl7v2" with emr.host and emr.port'
    raise ConfigError(f"EMR target {config.target!r} is not usable", remedy=remedy)


def form_of(config: EmrConfig, *, facility: str) -> Form:
    """In which words this EMR is told."""
    if config.target != "hl7v2":
        return forms.FHIR
    application, receiving = config.application or "EMR", config.receiving_facility or ""
    return forms.hl7v2(Receiver(facility=facility, application=application, receiving_facility=receiving))
