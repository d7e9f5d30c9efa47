"""Every table of the server, one module a subject. Importing this package registers them all; nothing here queries."""

from __future__ import annotations

from server.store.tables.admission import (
    DoseSeenRow,
    DrawnNumberRow,
    PatientIdentityRow,
    PatientMergeRow,
    PatientPhotoRow,
    TranscriptionRow,
)
from server.store.tables.audit import AuditCheckpointRow, AuditLeafRow, AuditRow
from server.store.tables.bag import BagRow, ContainerUseRow, ObservationRecordRow, OpenedContainerRow, PumpReadingRow
from server.store.tables.bedside_note import BedsideNoteRow
from server.store.tables.competence import CompetenceRow, CompetenceSettingRow
from server.store.tables.document import DocumentBatchRow, DocumentFileRow, IssuedDocumentRow
from server.store.tables.dose import AdministrationRow, AttemptRow, DiscrepancyRow, OverrideReviewRow
from server.store.tables.downtime import DowntimeEntryRow, DowntimeLineRow, DowntimeSheetRow
from server.store.tables.fhir import FhirAssertionRow, FhirClientRow, FhirExportRow
from server.store.tables.fleet import (
    CartEventRow,
    CartRow,
    DrawerAssignmentRow,
    LeaseDoubtRow,
    LeaseRow,
    RejectedMessageRow,
    TableVersionRow,
)
from server.store.tables.fleet_alerts import AlertNoticeRow, AlertPendingRow, AlertRuleRow, CartEventLineRow
from server.store.tables.fleet_care import CartAssetRow, CartCareRow
from server.store.tables.fleet_command import CartCommandPartRow, CartCommandRow
from server.store.tables.fleet_drawers import DrawerFindingRow, DrawerPendingRow, DrawerRuleRow, DrawerSettingRow, PinStateRow
from server.store.tables.fleet_history import CartBatteryRow, CartPhaseRow
from server.store.tables.fleet_rollout import CartFirmwareRow, RolloutCartRow, RolloutEventRow, RolloutRow
from server.store.tables.fleet_watch import CartAlertRow, CartConfigRow, CartTelemetryPointRow, ConfigGroupRow
from server.store.tables.incident import IncidentReportRow, IncidentStepRow
from server.store.tables.incoming import FeedRow, IncomingRow
from server.store.tables.label import LabelBatchRow, PrintJobRow, UnitLabelRow
from server.store.tables.legal_hold import LegalHoldRow
from server.store.tables.machine import MachineCertificateRow, MachineClaimRow
from server.store.tables.national import CatalogueLineRow, InsuranceCardRow, StayRow
from server.store.tables.order import OrderQuestionRow, OrderRow, OrderVersionRow
from server.store.tables.outbox import OutboxRow
from server.store.tables.patient import AllergyRow, BandRow, ObservationRow, PatientRow, PatientWordRow, WardRow, WeightRow
from server.store.tables.pharmacy import BarcodeSightingRow, PolicyFileRow, PolicyRow, ProductRow, ProductVersionRow
from server.store.tables.phone import PhoneClaimRow, PhonePairingRow
from server.store.tables.quality import QualityDayRow, QualityMarkRow, UnfilledDoseRow, WallScreenRow
from server.store.tables.received import ReceivedVersionRow
from server.store.tables.schema_step import SchemaStepRow, ServerProgramRow
from server.store.tables.second_look import WitnessRequestRow
from server.store.tables.sign_in import FailedSignInRow, KnownBrowserRow, RecoveryCodeRow, SecondFactorRow, SignInSessionRow
from server.store.tables.staff import RoleRow, StaffRow, staff_roles
from server.store.tables.task import RecallRow, StockMoveRow, TaskRow, TaskStepRow
from server.store.tables.ward_staff import EmergencyAccessRow, StaffWardRow

__all__ = [
    "SchemaStepRow",
    "ServerProgramRow",
    "CompetenceRow",
    "CompetenceSettingRow",
    "IncidentReportRow",
    "IncidentStepRow",
    "PinStateRow",
    "AdministrationRow",
    "AlertNoticeRow",
    "AlertPendingRow",
    "AlertRuleRow",
    "AllergyRow",
    "AttemptRow",
    "AuditCheckpointRow",
    "AuditLeafRow",
    "AuditRow",
    "BagRow",
    "BandRow",
    "BedsideNoteRow",
    "BarcodeSightingRow",
    "CartAssetRow",
    "CartBatteryRow",
    "CartCareRow",
    "CartPhaseRow",
    "CartAlertRow",
    "CartConfigRow",
    "CartCommandPartRow",
    "CartCommandRow",
    "CartEventLineRow",
    "CartEventRow",
    "CartFirmwareRow",
    "CartRow",
    "CartTelemetryPointRow",
    "CatalogueLineRow",
    "ConfigGroupRow",
    "ContainerUseRow",
    "DiscrepancyRow",
    "DocumentBatchRow",
    "DocumentFileRow",
    "DoseSeenRow",
    "DowntimeEntryRow",
    "DowntimeLineRow",
    "DowntimeSheetRow",
    "DrawerAssignmentRow",
    "DrawerFindingRow",
    "DrawerPendingRow",
    "DrawerRuleRow",
    "DrawerSettingRow",
    "DrawnNumberRow",
    "FailedSignInRow",
    "FeedRow",
    "FhirAssertionRow",
    "FhirClientRow",
    "FhirExportRow",
    "IncomingRow",
    "KnownBrowserRow",
    "EmergencyAccessRow",
    "IssuedDocumentRow",
    "InsuranceCardRow",
    "LabelBatchRow",
    "LeaseDoubtRow",
    "LeaseRow",
    "LegalHoldRow",
    "MachineCertificateRow",
    "MachineClaimRow",
    "ObservationRecordRow",
    "ObservationRow",
    "OpenedContainerRow",
    "OrderQuestionRow",
    "OrderRow",
    "OrderVersionRow",
    "OutboxRow",
    "OverrideReviewRow",
    "PatientIdentityRow",
    "PatientMergeRow",
    "PatientPhotoRow",
    "PatientRow",
    "PatientWordRow",
    "PhoneClaimRow",
    "PhonePairingRow",
    "PolicyFileRow",
    "PolicyRow",
    "PrintJobRow",
    "ProductRow",
    "ProductVersionRow",
    "PumpReadingRow",
    "QualityDayRow",
    "QualityMarkRow",
    "RecallRow",
    "ReceivedVersionRow",
    "RecoveryCodeRow",
    "RejectedMessageRow",
    "RoleRow",
    "RolloutCartRow",
    "RolloutEventRow",
    "RolloutRow",
    "SecondFactorRow",
    "SignInSessionRow",
    "StaffRow",
    "StaffWardRow",
    "StayRow",
    "StockMoveRow",
    "TableVersionRow",
    "TaskRow",
    "TaskStepRow",
    "TranscriptionRow",
    "UnfilledDoseRow",
    "UnitLabelRow",
    "WallScreenRow",
    "WardRow",
    "WeightRow",
    "WitnessRequestRow",
    "staff_roles",
]
