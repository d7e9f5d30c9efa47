"""Who may do what on the web and through the API: one table. Roles come from the staff table at every request, never from what
a browser or a client sends.

This is the door; the verbs behind it check the actor's role once more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from pointofcare.people import StaffRole

SEE_PATIENTS: Final = "see-patients"
SEE_BOARD: Final = "see-board"
VERIFY_ORDERS: Final = "verify-orders"
PLACE_ORDERS: Final = "place-orders"
SEE_REVIEW: Final = "see-review"
RESOLVE: Final = "resolve"
SEE_EMR: Final = "see-emr"
REQUEUE: Final = "requeue"
# What other systems sent and was not taken.
HANDLE_INCOMING: Final = "handle-incoming"
SEE_FLEET: Final = "see-fleet"
# Who may open which drawer without a patient; PINs of people, without seeing one.
MANAGE_DRAWERS: Final = "manage-drawers"
MANAGE_PINS: Final = "manage-pins"
# Asking carts to do something; which of the commands a role may ask for is in `usecases.cart_commands`.
# The server's own part of signed releases; what people sign is out of any page's reach.
MANAGE_FIRMWARE: Final = "manage-firmware"
COMMAND_CARTS: Final = "command-carts"
MANAGE_STAFF: Final = "manage-staff"
SEE_AUDIT: Final = "see-audit"
SEE_REJECTED: Final = "see-rejected"
IMPORT: Final = "import"
PREPARE_BAGS: Final = "prepare-bags"
OBSERVE: Final = "observe"
# What the nurses wrote on a rounds sheet while the network was down.
ENTER_PAPER: Final = "enter-paper"
# Who comes, who they are, bands and beds; leaving and joining records are the charge nurse's.
ADMIT: Final = "admit"
DISCHARGE: Final = "discharge"
MERGE_RECORDS: Final = "merge-records"
# An order from paper or by word of mouth, and the second person's look at it.
TRANSCRIBE: Final = "transcribe"
COMPARE_ORDERS: Final = "compare-orders"
FEED_PUMPS: Final = "feed-pumps"
SEE_WORK: Final = "see-work"
CLOSE_DOSES: Final = "close-doses"
SEE_CONTROLLED: Final = "see-controlled"
FILL_DRAWERS: Final = "fill-drawers"
SEE_RECALLS: Final = "see-recalls"
RECALL: Final = "recall"
SEE_POLICY: Final = "see-policy"
CHANGE_POLICY: Final = "change-policy"
MANAGE_MACHINES: Final = "manage-machines"
# Which release reaches which carts, and when.
MANAGE_ROLLOUTS: Final = "manage-rollouts"
SEE_FORMULARY: Final = "see-formulary"
EDIT_FORMULARY: Final = "edit-formulary"
# Labels of single units: making, printing, withdrawing.
PRINT_LABELS: Final = "print-labels"
# Who works in a ward, for a shift.
RUN_WARD: Final = "run-ward"
TAKE_ON_WARD: Final = "take-on-ward"
# A patient outside one's wards, with a reason and a review.
OPEN_EMERGENCY: Final = "open-emergency"
REVIEW_EMERGENCY: Final = "review-emergency"
COUNT_EMERGENCIES: Final = "count-emergencies"
# Forms of the medication record as signed files; withdrawing one.
ISSUE_DOCUMENTS: Final = "issue-documents"
WITHDRAW_DOCUMENTS: Final = "withdraw-documents"
# Drug lines of insurance claims, and what a claim needs to know of a stay.
EXPORT_CLAIMS: Final = "export-claims"
# Figures of groups, no patient and no nurse.
SEE_QUALITY: Final = "see-quality"
# Reports of incidents and near misses; telling one is anybody's.
REVIEW_INCIDENTS: Final = "review-incidents"

PERMISSIONS: Mapping[StaffRole, frozenset[str]] = {
    StaffRole.NURSE: frozenset(
        {
            ISSUE_DOCUMENTS,
            TRANSCRIBE,
            COMPARE_ORDERS,
            ADMIT,
            PREPARE_BAGS,
            OBSERVE,
            ENTER_PAPER,
            SEE_PATIENTS,
            SEE_BOARD,
            SEE_WORK,
            TAKE_ON_WARD,
            OPEN_EMERGENCY,
        }
    ),
    StaffRole.STUDENT: frozenset({SEE_PATIENTS, SEE_BOARD}),
    StaffRole.WITNESS_ONLY: frozenset(),
    StaffRole.CHARGE_NURSE: frozenset(
        {
            ADMIT,
            DISCHARGE,
            ENTER_PAPER,
            MERGE_RECORDS,
            TRANSCRIBE,
            COMPARE_ORDERS,
            PREPARE_BAGS,
            OBSERVE,
            SEE_PATIENTS,
            SEE_BOARD,
            SEE_REVIEW,
            RESOLVE,
            SEE_FLEET,
            COMMAND_CARTS,
            MANAGE_DRAWERS,
            MANAGE_PINS,
            SEE_EMR,
            SEE_WORK,
            CLOSE_DOSES,
            SEE_CONTROLLED,
            SEE_RECALLS,
            SEE_POLICY,
            SEE_FORMULARY,
            EXPORT_CLAIMS,
            SEE_QUALITY,
            RUN_WARD,
            TAKE_ON_WARD,
            OPEN_EMERGENCY,
            REVIEW_INCIDENTS,
            REVIEW_EMERGENCY,
            ISSUE_DOCUMENTS,
            WITHDRAW_DOCUMENTS,
        }
    ),
    StaffRole.PHARMACIST: frozenset(
        {
            COMPARE_ORDERS,
            PREPARE_BAGS,
            OBSERVE,
            SEE_PATIENTS,
            SEE_BOARD,
            VERIFY_ORDERS,
            SEE_REVIEW,
            RESOLVE,
            SEE_EMR,
            REQUEUE,
            HANDLE_INCOMING,
            SEE_WORK,
            SEE_CONTROLLED,
            FILL_DRAWERS,
            EXPORT_CLAIMS,
            REVIEW_INCIDENTS,
            SEE_QUALITY,
            SEE_RECALLS,
            RECALL,
            SEE_FORMULARY,
            EDIT_FORMULARY,
            PRINT_LABELS,
            ISSUE_DOCUMENTS,
            WITHDRAW_DOCUMENTS,
            SEE_POLICY,
            CHANGE_POLICY,
        }
    ),
    StaffRole.PRESCRIBER: frozenset({COMPARE_ORDERS, OBSERVE, SEE_PATIENTS, SEE_BOARD, PLACE_ORDERS, SEE_WORK, ISSUE_DOCUMENTS}),
    StaffRole.FLEET_MANAGER: frozenset(
        {MANAGE_DRAWERS, MANAGE_PINS, MANAGE_FIRMWARE, FEED_PUMPS, SEE_FLEET, COMMAND_CARTS, SEE_REJECTED, MANAGE_MACHINES, MANAGE_ROLLOUTS}
    ),
    StaffRole.ADMINISTRATOR: frozenset(
        {
            MANAGE_FIRMWARE,
            FEED_PUMPS,
            MANAGE_STAFF,
            SEE_AUDIT,
            SEE_REJECTED,
            IMPORT,
            SEE_FLEET,
            COMMAND_CARTS,
            MANAGE_DRAWERS,
            MANAGE_PINS,
            MANAGE_MACHINES,
            MANAGE_ROLLOUTS,
            SEE_EMR,
            REQUEUE,
            HANDLE_INCOMING,
            SEE_POLICY,
            CHANGE_POLICY,
            RUN_WARD,
            REVIEW_EMERGENCY,
            COUNT_EMERGENCIES,
            SEE_QUALITY,
        }
    ),
}

# These reach the patients of their wards; every other role those of the whole facility.
WARD_BOUND: Final = frozenset({StaffRole.NURSE, StaffRole.STUDENT, StaffRole.WITNESS_ONLY, StaffRole.CHARGE_NURSE})


def permits(roles: Iterable[StaffRole], permission: str) -> bool:
    """Does any of `roles` hold `permission`?"""
    return any(permission in PERMISSIONS[role] for role in roles)


def held_by(roles: Iterable[StaffRole]) -> frozenset[str]:
    return frozenset().union(*(PERMISSIONS[role] for role in roles))
