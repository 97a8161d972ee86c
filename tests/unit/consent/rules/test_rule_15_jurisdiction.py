"""Rule 15: every law that may apply is asked, and the strictest counts."""

import itertools
from dataclasses import replace
from typing import Any

import pytest

from consent.events import EventType
from consent.purpose import BasisIn
from consent.reasons import Reason
from consent.regimes import DEFAULT_REGIMES, Regime, is_place, lies_in
from consent.vocabulary import Vocabulary
from consent.words import Basis, EventState
from tests.support.asking import in_tree, policy, reason, with_purpose
from tests.support.consents import NOON, TREE, event

IMPLIED, EXPRESSED, EXPLICIT = EventType
TYPES = list(EventType)


def basis(*by_place: tuple[str, Basis], **more: Any) -> Vocabulary:
    """Return a vocabulary in which `joint-audience` needs these bases in these places."""
    bases = tuple(BasisIn(place=place, basis=of) for place, of in by_place)
    return replace(with_purpose(legal_basis=bases), **more)


@pytest.mark.parametrize(
    ("of", "enough"),
    [
        (Basis.OPT_OUT, {IMPLIED, EXPRESSED, EXPLICIT}),
        (Basis.CONSENT, {EXPRESSED, EXPLICIT}),
        (Basis.EXPLICIT_CONSENT, {EXPLICIT}),
    ],
)
@pytest.mark.parametrize("event_type", TYPES)
def test_rule_15_what_has_to_be_said_in_a_place(
    of: Basis, enough: set[EventType], event_type: EventType
) -> None:
    said = event(event_type=event_type)
    expected = Reason.PERMITTED if event_type in enough else Reason.NOT_EXPRESSED
    assert reason(said, vocabulary=basis(("DE", of))) is expected


@pytest.mark.parametrize("event_type", TYPES)
def test_rule_15_where_it_is_prohibited_nothing_permits_it(event_type: EventType) -> None:
    said = event(event_type=event_type, separate=True)
    assert reason(said, vocabulary=basis(("DE", Basis.PROHIBITED))) is Reason.PROHIBITED


def test_rule_15_even_where_an_opt_out_is_enough_silence_without_any_event_is_a_no() -> None:
    assert reason(vocabulary=basis(("*", Basis.OPT_OUT))) is Reason.NO_EVIDENCE
    asked = event(EventState.REQUESTED, event_type=IMPLIED)
    assert reason(asked, vocabulary=basis(("*", Basis.OPT_OUT))) is Reason.REQUESTED


def test_rule_15_an_objection_counts_where_an_opt_out_is_enough() -> None:
    opt_out = basis(("*", Basis.OPT_OUT))
    no = event(EventState.WITHDRAWN, NOON + 1)
    assert reason(event(event_type=IMPLIED), no, vocabulary=opt_out) is Reason.WITHDRAWN
    again = event(EventState.GIVEN, NOON + 2, event_type=IMPLIED)
    assert reason(event(), no, again, vocabulary=opt_out) is Reason.WITHDRAWN


# -- which places ----------------------------------------------------------------------------------

STRICT_IN_FRANCE = basis(("FR", Basis.PROHIBITED))


@pytest.mark.parametrize(
    ("changes", "parts", "expected"),
    [
        ({"jurisdiction": "DE"}, {}, Reason.PERMITTED),
        ({"jurisdiction": "FR"}, {}, Reason.PROHIBITED),
        ({"jurisdiction": "DE", "residence": "FR"}, {}, Reason.PROHIBITED),
        ({"jurisdiction": "FR", "residence": "DE"}, {}, Reason.PROHIBITED),
        ({"jurisdiction": "DE"}, {"controller_place": "FR"}, Reason.PROHIBITED),
        (
            {"jurisdiction": "DE", "residence": "US"},
            {"controller_place": "FR-75"},
            Reason.PROHIBITED,
        ),
        ({"jurisdiction": "DE", "residence": "US"}, {"controller_place": "GB"}, Reason.PERMITTED),
    ],
)
def test_rule_15_capture_residence_and_controller_all_count(
    changes: dict[str, str], parts: dict[str, str], expected: Reason
) -> None:
    assert reason(event(**changes), vocabulary=replace(STRICT_IN_FRANCE, **parts)) is expected


@pytest.mark.parametrize("first", list(Basis))
@pytest.mark.parametrize("second", list(Basis))
def test_rule_15_the_strictest_of_two_counts_in_either_order(first: Basis, second: Basis) -> None:
    two = basis(("DE", first), ("FR", second))
    one = basis(("*", max(first, second, key=lambda b: b.strictness)))
    for event_type in TYPES:
        said = event(event_type=event_type, jurisdiction="DE", residence="FR")
        turned = replace(said, jurisdiction="FR", residence="DE")
        assert reason(said, vocabulary=two) is reason(turned, vocabulary=two)
        assert reason(said, vocabulary=two) is reason(said, vocabulary=one)


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ("US-CA", Reason.PROHIBITED),
        ("US-NY", Reason.PERMITTED),
        ("US", Reason.PROHIBITED),  # it may be California
        ("CA", Reason.PERMITTED),
        ("DE", Reason.PERMITTED),
    ],
)
def test_rule_15_a_part_of_a_country_and_the_country_as_a_whole(
    place: str, expected: Reason
) -> None:
    california = basis(("US-CA", Basis.PROHIBITED))
    assert reason(event(jurisdiction=place), vocabulary=california) is expected


def test_rule_15_the_nearest_that_a_policy_says_counts_in_a_part() -> None:
    milder = basis(("US", Basis.EXPLICIT_CONSENT), ("US-CA", Basis.OPT_OUT))
    for place, expected in (
        ("US-CA", Reason.PERMITTED),
        ("US-NY", Reason.NOT_EXPRESSED),
        ("US", Reason.NOT_EXPRESSED),
    ):
        assert reason(event(jurisdiction=place), vocabulary=milder) is expected


@pytest.mark.parametrize(
    "place",
    ["", "de", "D", "GERMANY", "DE-", "DE-1234", "D3", "ZZ", "AA", "QM", "XZ", "Ä1", "DE DE"],
)
def test_rule_15_an_unknown_place_is_the_strictest_of_all(place: str) -> None:
    for of in Basis:
        somewhere = basis(("FR", of))
        for event_type in TYPES:
            said = event(event_type=event_type, jurisdiction=place)
            strictest = max(of, Basis.CONSENT, key=lambda b: b.strictness)
            known = replace(said, jurisdiction="DE")
            everywhere = basis(("*", strictest))
            assert reason(said, vocabulary=somewhere) is reason(known, vocabulary=everywhere)


def test_rule_15_of_two_bases_for_one_place_the_strictest_counts() -> None:
    for bases in itertools.permutations([Basis.OPT_OUT, Basis.PROHIBITED, Basis.CONSENT]):
        twice = basis(*(("DE", of) for of in bases))
        assert reason(event(), vocabulary=twice) is Reason.PROHIBITED


def test_rule_15_an_unknown_residence_is_not_an_absent_one() -> None:
    assert reason(event(), vocabulary=STRICT_IN_FRANCE) is Reason.PERMITTED
    assert reason(event(residence="somewhere"), vocabulary=STRICT_IN_FRANCE) is Reason.PROHIBITED


def test_rule_15_a_place_that_no_regime_names_has_the_one_for_everywhere() -> None:
    own = policy(
        regimes=(
            Regime(regime_id="mild", places=("DE",), basis=Basis.OPT_OUT),
            Regime(regime_id="rest", places=("*",), basis=Basis.EXPLICIT_CONSENT),
        )
    )
    implied, explicit = event(event_type=IMPLIED), event(event_type=EXPLICIT)
    assert reason(implied, vocabulary=own) is Reason.PERMITTED
    assert reason(replace(implied, jurisdiction="JP"), vocabulary=own) is Reason.NOT_EXPRESSED
    assert reason(replace(explicit, jurisdiction="JP"), vocabulary=own) is Reason.PERMITTED
    assert reason(replace(implied, residence="JP"), vocabulary=own) is Reason.NOT_EXPRESSED


def test_rule_15_a_purpose_overrides_its_regime_in_both_directions() -> None:
    assert reason(event(event_type=IMPLIED)) is Reason.NOT_EXPRESSED
    assert reason(event(event_type=IMPLIED), vocabulary=basis(("DE", Basis.OPT_OUT))) is (
        Reason.PERMITTED
    )


def test_rule_15_a_broader_consent_covers_no_more_than_was_said_for_the_narrower_purpose() -> None:
    scoring = replace(
        TREE.find("scoring"), legal_basis=(BasisIn(place="DE", basis=Basis.EXPLICIT_CONSENT),)
    )
    strict = replace(
        TREE, purposes=(*(p for p in TREE.purposes if p.purpose_id != "scoring"), scoring)
    )
    broad = event(purpose="marketing", recipient="self", listed=("scoring",))
    assert in_tree(broad, vocabulary=strict) is Reason.NOT_LISTED
    assert in_tree(replace(broad, event_type=EXPLICIT), vocabulary=strict) is Reason.PERMITTED
    prohibited = replace(scoring, legal_basis=(BasisIn(place="DE", basis=Basis.PROHIBITED),))
    never = replace(
        strict, purposes=(*(p for p in TREE.purposes if p.purpose_id != "scoring"), prohibited)
    )
    assert in_tree(replace(broad, event_type=EXPLICIT), vocabulary=never) is Reason.NOT_LISTED


def test_rule_15_a_move_to_a_milder_place_is_no_way_round_an_earlier_no() -> None:
    no = event(EventState.WITHDRAWN, jurisdiction="FR")
    implied = event(EventState.GIVEN, NOON + 1, jurisdiction="DE", event_type=IMPLIED)
    mild = basis(("*", Basis.OPT_OUT), ("FR", Basis.EXPLICIT_CONSENT))
    assert reason(no, implied, vocabulary=mild) is Reason.WITHDRAWN
    assert reason(no, replace(implied, event_type=EXPRESSED), vocabulary=mild) is Reason.PERMITTED


# -- the words themselves --------------------------------------------------------------------------


def test_rule_15_bases_are_ordered_by_strictness() -> None:
    assert [
        b.strictness
        for b in (Basis.OPT_OUT, Basis.CONSENT, Basis.EXPLICIT_CONSENT, Basis.PROHIBITED)
    ] == [0, 1, 2, 3]


def test_rule_15_a_place_lies_in_itself_its_country_and_everywhere() -> None:
    named = ("CN", "US-CA", "*")
    for place, expected in (
        ("CN-31", "CN"), ("CN", "CN"), ("US-CA", "US-CA"), ("US-NY", "*"), ("DE", "*"), ("", "*"),
    ):  # fmt: skip
        assert lies_in(place, named) == expected
    assert lies_in("CN-31", ("CN-11", "C")) is None


def test_rule_15_what_is_a_place() -> None:
    for text in ("DE", "CN-31", "US-CA", "GB-ENG", "XK", "FR-75C"):
        assert is_place(text)
    for text in ("", "*", "de", "DEU", "DE-", "-DE", "DE-ABCD", "DE-de", "DE\n", "XX", "XX-1"):
        assert not is_place(text)


def test_rule_15_the_places_that_may_apply() -> None:
    named = basis(("US-CA", Basis.CONSENT), ("US-NY", Basis.CONSENT), ("DE", Basis.CONSENT))
    named = replace(named, regimes=(Regime(regime_id="r", places=("*",)),))
    assert named.places("DE", None) == ("DE",)
    assert named.places("DE", "US-CA") == ("DE", "US-CA")
    assert named.places("US", None) == ("US", "US-CA", "US-NY")
    assert named.places("U", None) == named.places(None) == ("", "DE", "US-CA", "US-NY")
    assert replace(named, controller_place="FR").places("DE", None) == ("DE", "FR")


def test_rule_15_the_regimes_that_accord_comes_with() -> None:
    ages = {place: r.guardian_below for r in DEFAULT_REGIMES for place in r.places}
    assert (ages["DE"], ages["CN"], ages["US"], ages["GB"], ages["*"]) == (16, 14, 13, 13, 16)
    strictest = next(r for r in DEFAULT_REGIMES if "*" in r.places)
    for regime in DEFAULT_REGIMES:
        assert regime.guardian_below <= strictest.guardian_below
        assert regime.basis.strictness <= strictest.basis.strictness
        assert regime.answer_days >= strictest.answer_days
