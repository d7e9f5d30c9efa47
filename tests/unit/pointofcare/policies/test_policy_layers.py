"""A ward over its hospital: only what the hospital gave away, never looser by a list, and both named in the version."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given

from pointofcare.policies import changes, fault, layers, reading, writing
from pointofcare.policies.document import PolicyFile, lines_of, value_of
from pointofcare.policies.entries import LISTS, NAMES
from pointofcare.policies.fault import PolicyFileError
from pointofcare.products import Controlled, HighAlert
from pointofcare.verdict.policy import Listed, ListedBy, ListedControlled, ListedHighAlert, Policy
from tests.support.policy_files import files, fitting, raw_files

HOSPITAL = """format = 1
version = "h-4"
wards_may_change = ["window.frequent", "emergency"]

[window.time_critical]
value = "20 min"
source = "drug committee 12/2026"

[[high_alert]]
ingredient = "heparin"
level = 2
source = "ISMP"

[[controlled]]
ingredient = "morphine"
schedule = "narcotic"
source = "TT 20/2017/TT-BYT"
"""
WARD = 'format = 1\nversion = "icu-2"\n'


def ward(text: str) -> PolicyFile:
    return reading.read(WARD + text)


def hospital() -> PolicyFile:
    return reading.read(HOSPITAL)


def refused(text: str) -> set[tuple[str, str]]:
    with pytest.raises(PolicyFileError) as caught:
        layers.layered(hospital(), ward(text))
    for each in caught.value.faults:
        for language in ("vi", "en", "fr"):
            assert all(part and not part.startswith(("fault-", "remedy-")) for part in fault.sentence(language, each))
    return {(each.path, each.code) for each in caught.value.faults}


def test_the_version_names_both_files() -> None:
    assert layers.layered(hospital()).version == "h-4"
    assert layers.layered(hospital(), ward("")).version == "h-4/icu-2"
    assert layers.layered(None, ward("")).version == f"{Policy().version}/icu-2"


def test_a_ward_sets_what_the_hospital_gave_away_and_keeps_the_rest() -> None:
    policy = layers.layered(hospital(), ward('[window.frequent]\nvalue = "25 min"\nsource = "local choice"\n'))
    assert policy.window_frequent == timedelta(minutes=25)
    assert policy.window_time_critical == timedelta(minutes=20)


def test_a_ward_cannot_set_what_the_hospital_kept() -> None:
    assert refused('[session.idle]\nvalue = "60 min"\nsource = "local choice"\n') == {("session.idle", "not-for-wards")}
    assert refused('[[effect_by_route]]\nroute = "IV"\nwithin = "60 min"\nsource = "local choice"\n') == {
        ("effect_by_route", "not-for-wards")
    }


def test_a_ward_cannot_give_itself_leave() -> None:
    assert refused('wards_may_change = ["session.idle"]\n') == {("wards_may_change", "no-ward-marks")}


def test_a_ward_may_always_add_to_the_lists_that_make_stricter() -> None:
    added = ward('[[high_alert]]\ningredient = "propofol"\nlevel = 3\nsource = "local choice"\n')
    assert layers.layered(hospital(), added).high_alert == (
        ListedHighAlert(name="heparin", level=HighAlert.WITNESS_RECOMMENDED),
        ListedHighAlert(name="propofol", level=HighAlert.WITNESS_REQUIRED),
    )


def test_a_ward_may_raise_a_listed_drug_but_not_lower_it() -> None:
    raised = ward('[[high_alert]]\ningredient = "heparin"\nlevel = 3\nsource = "local choice"\n')
    assert layers.layered(hospital(), raised).high_alert == (ListedHighAlert(name="heparin", level=HighAlert.WITNESS_REQUIRED),)
    assert refused('[[high_alert]]\ningredient = "heparin"\nlevel = 1\nsource = "local choice"\n') == {
        ("high_alert[1]", "looser-than-hospital")
    }


def test_a_ward_cannot_call_a_narcotic_something_else() -> None:
    text = '[[controlled]]\ningredient = "morphine"\nschedule = "precursor"\nsource = "local choice"\n'
    assert refused(text) == {("controlled[1]", "looser-than-hospital")}


def test_a_ward_that_was_given_the_emergency_list_still_cannot_free_a_controlled_drug() -> None:
    assert refused('[[emergency]]\ningredient = "morphine"\nsource = "local choice"\n') == {("emergency[1]", "emergency-controlled")}


def test_a_ward_that_lists_an_emergency_drug_as_controlled_is_told_of_its_own_line() -> None:
    over = reading.read(WARD.replace("icu-2", "h-9") + '[[emergency]]\ningredient = "ketamine"\nsource = "local choice"\n')
    under = ward('[[controlled]]\ningredient = "ketamine"\nschedule = "psychotropic"\nsource = "local choice"\n')
    assert [(each.path, each.code) for each in layers.faults(over, under)] == [("controlled", "emergency-controlled")]


def test_a_wards_value_is_held_against_the_hospitals_not_the_default() -> None:
    text = '[window.frequent]\nvalue = "15 min"\nsource = "local choice"\n'
    assert refused(text) == {("window.frequent.value", "must-not-exceed")}


def test_what_the_hospital_no_longer_gives_away_faults_the_wards_file() -> None:
    file = ward('[window.frequent]\nvalue = "25 min"\nsource = "local choice"\n')
    assert not layers.faults(hospital(), file)
    assert [each.code for each in layers.faults(replace(hospital(), wards_may_change=()), file)] == ["not-for-wards"]


@given(files(), raw_files())
def test_a_ward_without_leave_never_loosens_its_hospital(over: PolicyFile, under: PolicyFile) -> None:
    """Whatever a ward adds of its own accord, every change is the stricter way."""
    strict = {each.name for each in LISTS if each.wards_may_add}
    under = replace(under, values={}, wards_may_change=(), lists={name: found for name, found in under.lists.items() if name in strict})
    under = fitting(under, over)
    before, after = layers.layered(over), layers.layered(over, under)
    assert all(change.direction is changes.Direction.STRICTER for change in changes.changes(before, after, "en"))


@given(files(), raw_files())
def test_a_ward_that_may_change_all_gets_its_own_values(over: PolicyFile, under: PolicyFile) -> None:
    over = replace(over, wards_may_change=NAMES)
    under = fitting(replace(under, wards_may_change=()), over)
    policy = layers.layered(over, under)
    assert all(value_of(policy, name) == stated.value for name, stated in under.values.items())
    for name in under.lists:
        assert {line.value for line in under.lists[name]} <= set(lines_of(policy, name)) or name == "look_alike"


@given(files())
def test_a_ward_with_an_empty_file_changes_nothing(file: PolicyFile) -> None:
    assert changes.changes(layers.layered(file), layers.layered(file, reading.read(WARD)), "vi") == ()


def test_list_values_are_what_the_checks_expect() -> None:
    policy = layers.layered(hospital())
    assert policy.controlled == (ListedControlled(name="morphine", schedule=Controlled.NARCOTIC),)
    assert all(isinstance(each, Listed) and each.by is ListedBy.INGREDIENT for each in policy.high_alert)


@given(files(), raw_files())
def test_what_holds_can_be_shown_as_one_file_with_every_source(over: PolicyFile, under: PolicyFile) -> None:
    over = replace(over, wards_may_change=NAMES)
    under = fitting(replace(under, wards_may_change=()), over)
    shown = layers.sourced(over, under, version="shown-1")
    assert changes.changes(layers.layered(over, under), layers.layered(shown), "en") == ()
    assert all(shown.values[name].source == stated.source for name, stated in under.values.items())
    assert reading.read(writing.write(shown)) == replace(shown, lists={name: found for name, found in shown.lists.items() if found})
