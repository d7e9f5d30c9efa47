"""What is stored, by kind of record: how long, from when on, by what law, and what then becomes of it. Data alone, no question asked.

One table for the retention command, for the page of data protection and for the documentation. Every table of the database has its
kind here, and a test says so. Must never name a kind of patients' records as one that a program erases.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class Ends(StrEnum):
    """From when on the time counts."""

    STAY = "stay"  # the end of the year in which the last stay ended, or the patient died
    YEAR = "year"  # the end of the year in which it was written
    MOMENT = "moment"  # the moment at which it was written
    USE = "use"  # while it is in use, or something refers to it
    NEVER = "never"


class Then(StrEnum):
    """What becomes of it afterwards."""

    STAYS = "stays"  # no program erases it; people decide, outside of this program
    COMMAND = "command"  # `pointofcare-server retention run`
    ITSELF = "itself"  # the running server


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordKind:
    """`years` or `days` say how long; both None: see `ends`. `law` is the code of the list in `pointofcare.vietnam.retention` that says
    how many years, None where the hospital decides. `personal`: of patients ("patient"), of staff ("staff"), of nobody ("")."""

    code: str
    personal: str
    ends: Ends
    then: Then
    law: str | None = None
    days: int | None = None


_ALL = (
    RecordKind(code="patient-record", personal="patient", ends=Ends.STAY, then=Then.STAYS, law="inpatient"),
    RecordKind(code="incident", personal="patient", ends=Ends.NEVER, then=Then.STAYS, law="incident"),
    RecordKind(code="ledger", personal="staff", ends=Ends.YEAR, then=Then.STAYS, law="ledger"),
    RecordKind(code="access-log", personal="staff", ends=Ends.STAY, then=Then.STAYS, law="access-log"),
    RecordKind(code="cart-log", personal="staff", ends=Ends.YEAR, then=Then.COMMAND, law="ledger"),
    RecordKind(code="cart-figures", personal="", ends=Ends.MOMENT, then=Then.ITSELF, days=90),
    RecordKind(code="cart-answers", personal="", ends=Ends.MOMENT, then=Then.ITSELF, days=30),
    RecordKind(code="cart-now", personal="", ends=Ends.USE, then=Then.STAYS),
    RecordKind(code="staff", personal="staff", ends=Ends.USE, then=Then.STAYS),
    RecordKind(code="sign-in", personal="staff", ends=Ends.USE, then=Then.ITSELF),
    RecordKind(code="catalogue", personal="", ends=Ends.USE, then=Then.STAYS),
    RecordKind(code="hand-over", personal="patient", ends=Ends.USE, then=Then.ITSELF),
    RecordKind(code="installation", personal="", ends=Ends.USE, then=Then.STAYS),
    RecordKind(code="figures", personal="", ends=Ends.USE, then=Then.STAYS),
)
KINDS: Mapping[str, RecordKind] = MappingProxyType({kind.code: kind for kind in _ALL})

_TABLES_OF = {
    "patient-record": (
        "patients patient_words patient_identities patient_photos patient_merges allergies weights observations observation_records bands"
        " insurance_cards stays orders order_versions order_questions transcriptions administrations attempts doses_seen bedside_notes"
        " pump_readings downtime_sheets downtime_lines downtime_entries bags issued_documents unfilled_doses witness_requests"
    ),
    "incident": "incident_reports incident_steps discrepancies conflicts_seen override_reviews tasks task_steps recalls",
    "ledger": "stock_moves container_uses opened_containers unit_labels label_batches print_jobs drawn_numbers barcode_sightings",
    "access-log": "audit audit_leaves audit_checkpoints emergency_access",
    "cart-log": "cart_events cart_event_lines cart_commands rollouts rollout_carts rollout_events drawer_findings",
    "cart-figures": "cart_phases cart_telemetry_points cart_alerts alert_notices",
    "cart-answers": "cart_command_parts rejected_messages",
    "cart-now": (
        "carts cart_batteries cart_config config_groups cart_assets cart_care cart_firmware record_sequences"
        " drawer_pending drawer_rules drawer_settings drawer_assignments leases lease_doubts table_versions alert_rules alert_pending"
        " machine_claims machine_certificates phone_claims phone_pairings wall_screens"
    ),
    "staff": "staff roles staff_roles staff_wards pin_states legal_holds competence_records competence_settings",
    "sign-in": "sign_in_sessions second_factors recovery_codes known_browsers failed_sign_ins fhir_clients fhir_assertions",
    "catalogue": "wards products product_versions catalogue_lines policies policy_files",
    "hand-over": "outbox received_versions incoming_items feeds fhir_exports document_files document_batches",
    "installation": "schema_steps server_programs",
    "figures": "quality_days quality_marks",
}
# Table of the database -> its kind.
TABLES: Mapping[str, str] = MappingProxyType({table: kind for kind, tables in _TABLES_OF.items() for table in tables.split()})


def tables_of(kind: str) -> tuple[str, ...]:
    return tuple(table for table, of in TABLES.items() if of == kind)
