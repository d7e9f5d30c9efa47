"""The policy file: the packaged default is the engine's, what is written reads back, and every fault is named at once."""

from __future__ import annotations

import re
from dataclasses import fields
from datetime import timedelta
from importlib import resources

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pointofcare.people import OBSERVATION_CODES
from pointofcare.policies import fault, layers, reading, writing
from pointofcare.policies.document import lines_of, value_of
from pointofcare.policies.entries import BY_NAME, ENTRIES, LISTS, OBSERVATION_UNITS, LevelEntry, SpanEntry
from pointofcare.policies.fault import PolicyFileError
from pointofcare.verdict import engine
from pointofcare.verdict.finding import Level
from pointofcare.verdict.policy import Policy
from pointofcare.verdict.rule import Rule
from tests.support.policy_files import HEAD, files, raw_files, with_shadow

LANGUAGES = ("vi", "en", "fr")


def entry(name: str, value: str, source: str = '"local choice"') -> str:
    return f"{HEAD}[{name}]\nvalue = {value}\nsource = {source}\n"


def line(name: str, *keys: str, source: str = '"local choice"') -> str:
    return "\n".join([f"[[{name}]]", *keys, f"source = {source}", ""])


def test_the_packaged_default_is_the_policy_of_the_engine() -> None:
    assert layers.layered(reading.default()) == Policy()


def test_the_packaged_default_states_and_sources_every_name() -> None:
    assert list(reading.default().values) == [each.name for each in ENTRIES]
    assert set(reading.default().lists) == {each.name for each in LISTS if lines_of(Policy(), each.name)}


def test_the_packaged_default_is_canonical() -> None:
    assert writing.write(reading.default()) == reading.default_text()


def test_every_field_of_the_policy_can_be_set_in_a_file() -> None:
    set_by = {each.field for each in ENTRIES if each.field} | {each.name for each in LISTS}
    set_by |= {"version", "bag_stops", "bag_warns", "effect_windows", "interval_stop_classes", "interval_stop_ingredients"}
    assert {each.name for each in fields(Policy)} <= set_by


def test_every_default_lies_within_its_own_bounds() -> None:
    for each in ENTRIES:
        value = value_of(Policy(), each.name)
        if isinstance(each, SpanEntry):
            assert isinstance(value, timedelta)
            assert each.low <= value <= each.high, each.name
        elif isinstance(each, LevelEntry):
            assert value in each.allowed, each.name


def test_every_observation_that_wards_chart_has_a_unit_for_its_limits() -> None:
    assert set(OBSERVATION_UNITS) == OBSERVATION_CODES


def test_a_file_that_says_nothing_is_the_default_under_its_own_name() -> None:
    policy = layers.layered(reading.read(HEAD))
    assert policy.version == "t-1"
    assert all(getattr(policy, each.name) == getattr(Policy(), each.name) for each in fields(Policy) if each.name != "version")


@given(files())
def test_what_is_written_reads_back_equal(file: object) -> None:
    text = writing.write(file)  # type: ignore[arg-type]
    assert reading.read(text) == file
    assert writing.write(reading.read(text)) == text


@given(files())
def test_a_policy_without_a_file_can_be_shown_as_one(file: object) -> None:
    policy = layers.layered(file)  # type: ignore[arg-type]
    shown = writing.of_policy(policy, source="in force")
    assert layers.layered(reading.read(writing.write(shown))) == policy


@given(raw_files())
def test_values_that_contradict_each_other_never_become_a_policy(file: object) -> None:
    if layers.faults(file):  # type: ignore[arg-type]
        with pytest.raises(PolicyFileError):
            layers.layered(file)  # type: ignore[arg-type]
        return
    policy = layers.layered(file)  # type: ignore[arg-type]
    assert policy.window_time_critical <= policy.window_frequent <= policy.window_daily_or_less
    assert policy.clock_note < policy.clock_stop
    assert policy.chart_age_reason < policy.chart_age_stop
    assert policy.unverified_stat_order <= policy.unverified_order
    assert min(policy.unverified_stat_order, policy.band_without_instance) >= Level.NOTE


@given(st.text(max_size=300) | st.text(alphabet='[]."=abc_ \n#1', max_size=80).map(lambda text: HEAD + text))
def test_no_text_at_all_breaks_the_reader(text: str) -> None:
    file, faults = reading.examined(text)
    assert (file is None) == bool(faults)


_DRUG = 'ingredient = "heparin"'
FAULTS: tuple[tuple[str, str, str], ...] = (
    # what is written, the code of the fault, the path
    (HEAD + "x = [", "not-toml", ""),
    (HEAD + "a = " + "[" * 3000, "not-toml", ""),
    (HEAD + "a = " + "9" * 5000, "not-toml", ""),
    (HEAD + "# " + "x" * 200_001, "too-long", ""),
    ('version = "t-1"\n', "missing", ""),
    ("format = 1\n", "missing", ""),
    ('format = 2\nversion = "t-1"\n', "wrong-format", "format"),
    ('format = true\nversion = "t-1"\n', "wrong-format", "format"),
    ('format = 1\nversion = "a b"\n', "bad-version", "version"),
    ('format = 1\nversion = "a/b"\n', "bad-version", "version"),
    ("format = 1\nversion = 7\n", "bad-version", "version"),
    (HEAD + 'title = "a\\u202eb"\n', "bad-text", "title"),
    (HEAD + "colour = 1\n", "unknown-name", "colour"),
    (HEAD + '[windows.stat]\nvalue = "30 min"\nsource = "x y"\n', "unknown-name-near", "windows"),
    (entry("window.time_criticl", '"20 min"'), "unknown-name-near", "window.time_criticl"),
    (HEAD + '[[high_allert]]\ningredient = "x"\n', "unknown-name-near", "high_allert"),
    (HEAD + "[window]\nstat = 30\n", "not-a-table", "window.stat"),
    (HEAD + "window = 3\n", "not-a-table", "window"),
    (HEAD + '[window.stat]\nvalue = "30 min"\n', "no-source", "window.stat"),
    (entry("window.stat", '"30 min"', '"  "'), "no-source", "window.stat"),
    (entry("window.stat", '"30 min"', '"a\\nb\\u0007"'), "bad-text", "window.stat.source"),
    (entry("window.stat", '"30 min"', "7"), "bad-text", "window.stat.source"),
    (HEAD + '[window.stat]\nsource = "local choice"\n', "missing", "window.stat"),
    (entry("window.stat", '"30 min"') + 'sauce = "x"\n', "unknown-name-near", "window.stat.sauce"),
    (entry("window.stat", '"30 min"') + 'colour = "x"\n', "unknown-key", "window.stat.colour"),
    (entry("window.stat", "30"), "not-a-span", "window.stat.value"),
    (entry("window.stat", '"30"'), "not-a-span", "window.stat.value"),
    (entry("window.stat", '"-30 min"'), "not-a-span", "window.stat.value"),
    (entry("window.stat", '"0.001 s"'), "not-a-span", "window.stat.value"),
    (entry("window.stat", '"30 minutes"'), "unit-not-time", "window.stat.value"),
    (entry("window.stat", '"30 mg"'), "unit-not-time", "window.stat.value"),
    (entry("window.daily_or_less", '"0 min"'), "out-of-range", "window.daily_or_less.value"),
    (entry("window.daily_or_less", '"25 h"'), "out-of-range", "window.daily_or_less.value"),
    (entry("unverified.order", '"PASS"'), "below-floor", "unverified.order.value"),
    (entry("band.without_instance", '"PASS"'), "below-floor", "band.without_instance.value"),
    (entry("bag.volume", '"NOTE"'), "below-floor", "bag.volume.value"),
    (entry("bag.rate", '"REASON"'), "above-ceiling", "bag.rate.value"),
    (entry("unverified.order", '"stop"'), "not-a-level", "unverified.order.value"),
    (entry("on_call.repeats", '"true"'), "not-a-flag", "on_call.repeats.value"),
    (entry("clock.note", '"10 min"') + '[clock.stop]\nvalue = "5 min"\nsource = "local choice"\n', "must-stay-below", "clock.note.value"),
    (
        entry("chart_age.stop", '"4 h"') + '[chart_age.reason]\nvalue = "4 h"\nsource = "local choice"\n',
        "must-stay-below",
        "chart_age.reason.value",
    ),
    (
        entry("window.frequent", '"20 min"') + '[window.time_critical]\nvalue = "25 min"\nsource = "local choice"\n',
        "must-not-exceed",
        "window.time_critical.value",
    ),
    (HEAD + "high_alert = 3\n", "not-a-list", "high_alert"),
    (HEAD + "high_alert = []\n", "empty-list", "high_alert"),
    (HEAD + line("time_critical", _DRUG) * 501, "too-many", "time_critical"),
    (HEAD + f"[[time_critical]]\n{_DRUG}\n", "no-source", "time_critical[1]"),
    (HEAD + line("time_critical"), "no-drug", "time_critical[1]"),
    (HEAD + line("time_critical", _DRUG, 'class = "opioid"'), "two-drugs", "time_critical[1]"),
    (HEAD + line("time_critical", 'ingredient = "x"'), "bad-text", "time_critical[1].ingredient"),
    (HEAD + line("time_critical", 'ingrediant = "heparin"'), "unknown-name-near", "time_critical[1].ingrediant"),
    (HEAD + line("time_critical", _DRUG) + line("time_critical", 'ingredient = "HEPARIN "'), "listed-twice", "time_critical[2]"),
    (HEAD + line("high_alert", _DRUG, "level = 3") + line("high_alert", _DRUG, "level = 2"), "contradicts", "high_alert[2]"),
    (HEAD + line("high_alert", _DRUG), "missing", "high_alert[1]"),
    (HEAD + line("high_alert", _DRUG, "level = 0"), "not-a-number", "high_alert[1].level"),
    (HEAD + line("high_alert", _DRUG, "level = true"), "not-a-number", "high_alert[1].level"),
    (HEAD + line("high_alert", _DRUG, "level = [3]"), "not-a-number", "high_alert[1].level"),
    (HEAD + line("controlled", _DRUG, 'schedule = "none"'), "not-a-schedule", "controlled[1].schedule"),
    (HEAD + line("controlled", _DRUG, "schedule = [1]"), "not-a-schedule", "controlled[1].schedule"),
    (HEAD + line("look_alike", 'one = "amlodipine"', 'other = "Amlodipine"'), "same-name", "look_alike[1]"),
    (
        HEAD + line("look_alike", 'one = "aa"', 'other = "bb"') + line("look_alike", 'one = "bb"', 'other = "aa"'),
        "listed-twice",
        "look_alike[2]",
    ),
    (
        HEAD + line("hold", _DRUG, 'observation = "pulse"', 'below = "60 /min"', 'level = "WITNESS"'),
        "not-an-observation",
        "hold[1].observation",
    ),
    (HEAD + line("hold", _DRUG, 'observation = "heart-rate"', 'below = "60"', 'level = "WITNESS"'), "not-an-amount", "hold[1].below"),
    (HEAD + line("hold", _DRUG, 'observation = "heart-rate"', 'below = "60 mg"', 'level = "WITNESS"'), "wrong-unit", "hold[1].below"),
    (HEAD + line("hold", _DRUG, 'observation = "heart-rate"', 'level = "WITNESS"'), "no-limit", "hold[1]"),
    (
        HEAD + line("hold", _DRUG, 'observation = "heart-rate"', 'below = "90 /min"', 'above = "60 /min"', 'level = "WITNESS"'),
        "limits-cross",
        "hold[1]",
    ),
    (HEAD + line("hold", _DRUG, 'observation = "heart-rate"', 'below = "60 /min"', 'level = "NOTE"'), "below-floor", "hold[1].level"),
    (HEAD + line("emergency", _DRUG, 'routes = ["i v"]'), "not-a-route", "emergency[1].routes"),
    (HEAD + line("emergency", _DRUG, "routes = []"), "not-a-route", "emergency[1].routes"),
    (HEAD + line("emergency", _DRUG, 'max_dose = "0 mg"'), "amount-of-nothing", "emergency[1].max_dose"),
    (HEAD + line("emergency", _DRUG, "max_dose = 1"), "not-an-amount", "emergency[1].max_dose"),
    (
        HEAD + line("emergency", _DRUG) + line("controlled", _DRUG, 'schedule = "narcotic"'),
        "emergency-controlled",
        "emergency[1]",
    ),
    (HEAD + line("effect_by_route", 'route = "iv"', 'within = "30 min"'), "not-a-route", "effect_by_route[1].route"),
    (HEAD + line("effect_by_route", 'route = "IV"', 'within = "5 min"'), "out-of-range", "effect_by_route[1].within"),
    (HEAD + line("shadow", 'rule = "Z99"'), "no-such-rule", "shadow[1].rule"),
    (HEAD + line("shadow", "rule = [1]"), "no-such-rule", "shadow[1].rule"),
    (HEAD + line("shadow", 'rule = "P4"'), "not-on-trial", "shadow[1].rule"),
    (HEAD + line("shadow", 'rule = "D14"'), "not-on-trial", "shadow[1].rule"),
    (HEAD + 'wards_may_change = "all"\n', "bad-text", "wards_may_change"),
    (HEAD + 'wards_may_change = ["windows.stat"]\n', "unknown-name-near", "wards_may_change"),
    (HEAD + 'wards_may_change = ["colour"]\n', "unknown-name", "wards_may_change"),
)


@pytest.mark.parametrize(("text", "code", "path"), FAULTS, ids=[f"{code}-{path or 'text'}-{n}" for n, (_, code, path) in enumerate(FAULTS)])
def test_each_fault_is_named_with_its_place_and_a_remedy_in_three_languages(text: str, code: str, path: str) -> None:
    file, faults = reading.examined(text)
    assert file is None
    found = [each for each in faults if (each.code, each.path) == (code, path)]
    assert found, [(each.code, each.path) for each in faults]
    for language in LANGUAGES:
        what, remedy = fault.sentence(language, found[0])
        for sentence in (what, remedy):
            assert sentence
            assert "$" not in sentence
            assert not sentence.startswith(("fault-", "remedy-"))
            assert "bounds-" not in sentence


def test_every_fault_is_told_at_once_with_its_line() -> None:
    text = (
        entry("window.stat", '"30 minutes"')
        + '[window.once]\nvalue = "1 h"\n'
        + line("high_alert", _DRUG, "level = 3")
        + line("high_alert", 'class = "opioid"', "level = 7")
        + "[colour]\n"
    )
    faults = reading.examined(text)[1]
    assert [(each.path, each.line) for each in faults] == [
        ("window.stat.value", 4),
        ("window.once", 6),
        ("high_alert[2].level", 14),
        ("colour", 16),
    ]
    with pytest.raises(PolicyFileError) as caught:
        reading.read(text)
    assert len(caught.value.problems) == 4


def test_names_are_kept_in_the_spelling_that_the_checks_compare() -> None:
    policy = layers.layered(
        reading.read(HEAD + line("interval_stop", 'ingredient = "  Paracetamol "') + line("time_critical", 'class = "INSULIN"'))
    )
    assert policy.interval_stop_ingredients == ("paracetamol",)
    assert policy.interval_stop_classes == ()
    assert policy.time_critical[0].name == "insulin"


def test_a_value_may_be_written_in_any_unit_of_time() -> None:
    for text in ("2 h", "120 min", "7200 s", "2.0 h"):
        file = reading.read(entry("window.daily_or_less", f'"{text}"'))
        assert file.values["window.daily_or_less"].value == timedelta(hours=2)


def test_only_rules_on_trial_may_run_in_shadow() -> None:
    young = Rule(id="Y1", title="", levels=(Level.WARN,), looks_at="", passes_when="", source="", hazard="", remedies={}, on_trial=True)
    rules = [young, *(check.rule for check in engine.CHECKS)]
    file = reading.read(HEAD + line("shadow", 'rule = "Y1"'), rules=rules)
    assert layers.layered(file).shadow == ("Y1",)
    assert reading.read(writing.write(file), rules=rules) == file == with_shadow(reading.read(HEAD), "Y1")


@pytest.mark.parametrize("name", list(BY_NAME))
def test_every_edge_of_every_bound_is_allowed_and_the_next_step_is_not(name: str) -> None:
    each = BY_NAME[name]
    if not isinstance(each, SpanEntry):
        return
    for inside in (each.low, each.high):
        assert not [found for found in _faults_of(name, inside) if found == "out-of-range"]
    for outside in (each.low - timedelta(seconds=1), each.high + timedelta(seconds=1)):
        assert "out-of-range" in _faults_of(name, outside)


def _faults_of(name: str, value: timedelta) -> list[str]:
    return [each.code for each in reading.examined(entry(name, f'"{int(value.total_seconds())} s"'))[1]]


def _rows(language: str) -> dict[str, frozenset[str]]:
    """Code -> parameters of its text."""
    text = resources.files("pointofcare.policies").joinpath(f"{language}.ftl").read_text(encoding="utf-8")
    rows = re.findall(r"^([a-zA-Z][\w-]*) = (.*)$", text, re.M)
    assert len({code for code, _ in rows}) == len(rows)
    return {code: frozenset(re.findall(r"\$(\w+)", words)) for code, words in rows}


def test_the_word_catalogues_have_the_same_words_and_parameters() -> None:
    assert _rows("vi") == _rows("en") == _rows("fr")


def test_every_name_and_bound_has_its_words_and_every_fault_its_remedy() -> None:
    codes = {f"entry-{each.name.replace('.', '-')}" for each in ENTRIES} | {f"list-{each.name}" for each in LISTS}
    codes |= {f"bounds-{each.bounds}" for each in ENTRIES}
    codes |= {code.replace("fault-", "remedy-") for code in _rows("en") if code.startswith("fault-")}
    for language in LANGUAGES:
        assert codes <= set(_rows(language)), language
