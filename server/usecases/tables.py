"""Building the tables that the carts work from. What is built here is signed and published elsewhere."""

from __future__ import annotations

from datetime import timedelta

from pointofcare.labels.scan import SiteProfile
from pointofcare.wire.messages import TableKind
from pointofcare.wire.tables import FormularyBody, PatientChartBody, PolicyBody, StaffRosterBody, Table, TableBody
from server.store import bedside, conflicts, containers, drawer_rules, labels, patients, policies, products, staff, versions
from server.store.transaction import Transaction
from server.usecases import admission, courses, dose_requests, skin_tests


def build(tx: Transaction, ward: str, kind: TableKind, *, facility: str, lifetime: timedelta, timezone: str, site: SiteProfile) -> Table:
    """The table as it stands in this transaction, under its version. `timezone` is for a ward that was never opened."""
    version = versions.of_ward(tx, ward)[kind]
    return Table(
        kind=kind,
        facility=facility,
        ward=ward,
        version=version,
        issued_at=tx.at,
        expires_at=tx.at + lifetime,
        body=_body(tx, ward, kind, timezone=timezone, site=site),
    )


def _body(tx: Transaction, ward: str, kind: TableKind, *, timezone: str, site: SiteProfile) -> TableBody:
    match kind:
        case TableKind.PATIENT_CHART:
            return chart(tx, ward, timezone=timezone)
        case TableKind.STAFF_ROSTER:
            return StaffRosterBody(staff=staff.roster(tx, ward), drawers=drawer_rules.policy(tx, ward))
        case TableKind.FORMULARY:
            return FormularyBody(products=products.listed(tx), containers=containers.listed(tx), labels=labels.issued(tx, ward))
        case TableKind.POLICY:
            return PolicyBody(policy=policies.in_force(tx, ward), site_profile=site)


def chart(tx: Transaction, ward: str, *, timezone: str) -> PatientChartBody:
    """The ward's patients with orders, history and drawers: a handful of statements, whatever its size."""
    found = patients.ward(tx, ward)
    look = bedside.of_ward(tx, ward)
    zone = found.timezone if found is not None else timezone
    of_carts = patients.cart_drawers(tx, ward=ward)
    return PatientChartBody(
        ward=ward,
        ward_name=found.name if found is not None else ward,
        timezone=zone,
        patients=skin_tests.with_tests(tx, look.patients, policies.in_force(tx, ward)),
        orders=look.orders,
        history=look.history,
        bags=look.bags,
        pumps=look.pumps,
        requests=dose_requests.of_ward(tx, ward),
        drawers=patients.drawers_anywhere(of_carts),
        cart_drawers=of_carts,
        encounters=patients.encounters(tx, ward=ward),
        changed=look.changed,
        conflicts=conflicts.of_ward(tx, ward),
        used_packs=look.used_packs,
        alike=admission.pairs_of_ward(tx, ward, [(patient.id, patient.name) for patient in look.patients]),
        course_days={order: day.number for order, day in courses.days(tx, look.orders, zone=zone).items()},
    )
