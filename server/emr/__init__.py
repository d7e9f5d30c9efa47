"""The electronic medical record: where the server's outbox goes. `adapters` knows the targets."""

from __future__ import annotations

from pointofcare.wire.training import is_training
from server.config import EmrConfig
from server.emr import adapters
from server.emr.fhir_mapping import MappingContext
from server.emr.forms import Form
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
    return adapters.adapter(config.target).open(config, facility)


def form_of(config: EmrConfig, *, facility: str) -> Form:
    """In which words this EMR is told. Raises: ConfigError."""
    return adapters.adapter(config.target).form(config, facility)
