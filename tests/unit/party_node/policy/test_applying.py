"""Putting a policy in force: what it changes, for whom, what stays, and what is refused."""

from dataclasses import replace
from types import SimpleNamespace

import pytest

from consent.statements import Relation
from consent.words import AgeBand, EventState, Operation
from party_node.errors import LedgerMoved
from party_node.policy import applying, notices
from party_node.policy.applying import apply_policy, history
from party_node.policy.effects import effects
from party_node.policy.errors import InvalidPolicy, PurposeInUse
from party_node.policy.writing import write_policy

A, B, C, D = (f"{c}@x.example" for c in "abcd")
BY = "person:dana"


class Agreed:
    """Stands in for the collaborations of a node."""

    def __init__(self, *purposes: str, in_force: bool = True, expires_ms: int = 1 << 50) -> None:
        clauses = tuple(SimpleNamespace(purpose=p) for p in purposes)
        document = SimpleNamespace(
            collaboration="spring", version=2, permitted=clauses, expires_ms=expires_ms
        )
        self._found = [(document, SimpleNamespace(in_force=in_force))]

    def all(self):
        return self._found


@pytest.fixture
def put(node, ledger):
    def apply(vocabulary, *, dry_run=False, agreed=None):
        text = vocabulary if isinstance(vocabulary, str) else write_policy(vocabulary)
        return apply_policy(ledger, agreed or Agreed(), node.clock, text, BY, dry_run=dry_run)

    return apply


def without(vocabulary, *names):
    return replace(
        vocabulary,
        purposes=tuple(
            replace(p, parents=tuple(q for q in p.parents if q not in names))
            for p in vocabulary.purposes
            if p.purpose_id not in names
        ),
    )


def changing(vocabulary, name, **changes):
    return replace(
        vocabulary,
        purposes=tuple(
            replace(p, **changes) if p.purpose_id == name else p for p in vocabulary.purposes
        ),
    )


def test_a_policy_is_told_in_words_and_in_people_before_anything_is_written(node, ledger, put):
    ledger.append([node.event(A, 1), node.event(B, 2), node.event(C, 3, state=EventState.REFUSED)])
    after = changing(ledger.vocabulary, "joint-audience", version=2, renew_below=2, validity="P1Y")
    before, size = ledger.vocabulary, ledger.head()[0]
    told = put(after, dry_run=True)
    assert [c.told() for c in told.changes] == [
        "purpose joint-audience changed: version: 1 → 2; renew_below: 1 → 2; validity: none → P1Y"
    ]
    assert (told.effects.gain, told.effects.lose) == (0, 2)
    (effect,) = told.effects.each
    assert (effect.purpose, effect.recipient) == ("joint-audience", "shop")
    assert (effect.before, effect.after) == (2, 0)
    assert told.entry is None
    assert (ledger.vocabulary, ledger.head()[0]) == (before, size)
    done = put(after)
    assert (done.entry, done.changes, done.effects) == (size, told.changes, told.effects)
    assert ledger.vocabulary.digest() == done.policy_hash == after.digest()
    assert node.explain(ledger, "email", A, "joint-audience", "shop", "psi").decision.reason == (
        "renewal-required"
    )


def test_the_same_policy_again_is_no_change(ledger, put):
    told = put(ledger.vocabulary)
    assert (told.changes, told.entry, told.warnings) == ((), None, ())
    assert ledger.head()[0] == 1


def test_notices_stay_whatever_the_file_says(ledger, put):
    draft = notices.Draft(notice_id="n", version=1, language="en", purposes=("joint-audience",))
    notice = notices.publish(ledger, b"text", draft, BY).notice
    done = put("purposes: {joint-audience: {title: J, operations: [psi]}}")
    assert ledger.vocabulary.notices == (notice,)
    assert "notice" not in {c.what for c in done.changes}


def test_a_file_that_cannot_be_read_changes_nothing(ledger, put):
    with pytest.raises(InvalidPolicy):
        put("purposes: {a: {}}")
    assert ledger.head()[0] == 1


@pytest.mark.parametrize(
    ("terms", "gain", "lose"),
    [
        ("basis: prohibited, guardian_below: 16", 0, 2),
        ("guardian_below: 15", 1, 0),
        ("guardian_below: 17", 0, 1),
    ],
)
def test_a_regime_affects_purposes_that_are_not_named(node, ledger, put, terms, gain, lose):
    ledger.append(
        [
            node.event(A, 1, jurisdiction="DE", age_band=AgeBand.AGE_16_17),
            node.event(B, 2, jurisdiction="DE", age_band=AgeBand.AGE_15),
            node.event(C, 3, jurisdiction="DE", age_band=AgeBand.AGE_13,
                       relation=Relation.GUARDIAN),
            node.event(D, 4, jurisdiction="FR", state=EventState.WITHDRAWN),
        ]
    )  # fmt: skip
    regimes = f"\nregimes: {{de: {{places: [DE], {terms}}}}}\n"
    text = write_policy(ledger.vocabulary) + regimes
    told = put(text, dry_run=True)
    assert (told.effects.gain, told.effects.lose) == (gain, lose)
    assert all(c.what == "regime" for c in told.changes)


def test_an_operation_that_is_added_or_taken_out_is_counted(node, ledger, put):
    ledger.append([node.event(A, 1)])
    one = changing(ledger.vocabulary, "joint-audience", operations=(Operation.ACTIVATE,))
    told = put(one)
    assert (told.effects.gain, told.effects.lose) == (0, 1)
    both = (Operation.ACTIVATE, Operation.PSI, Operation.SHARE)
    told = put(changing(one, "joint-audience", operations=both))
    assert (told.effects.gain, told.effects.lose) == (1, 0)
    assert "1 people may be used for something" in told.warnings[-1]


def test_taking_out_a_purpose_takes_its_noes_away_and_that_is_said(node, ledger, put):
    ledger.append(
        [
            node.event(A, 1),
            node.event(A, 2, purpose="partner-marketing", recipient="self",
                       state=EventState.WITHDRAWN, event_time_ms=node.clock.now_ms),
        ]
    )  # fmt: skip
    told = put(without(ledger.vocabulary, "partner-marketing"), dry_run=True)
    assert (told.effects.gain, told.effects.lose) == (1, 0)
    assert "what people said about partner-marketing counts for nothing" in told.warnings[0]


def test_a_purpose_cannot_go_while_a_collaboration_names_it_and_people_agreed(node, ledger, put):
    ledger.append([node.event(A, 1)])
    after = without(ledger.vocabulary, "joint-audience")
    for dry_run in (True, False):
        with pytest.raises(PurposeInUse, match=r"joint-audience .* spring version 2"):
            put(after, dry_run=dry_run, agreed=Agreed("joint-audience"))
    assert ledger.head()[0] == 2
    for gone in (
        Agreed("audience-measurement"),
        Agreed("joint-audience", in_force=False),
        Agreed("joint-audience", expires_ms=node.clock.now_ms),
    ):
        assert put(after, dry_run=True, agreed=gone).effects.lose == 1
    assert put(after).entry == 2


def test_a_named_purpose_that_nobody_agreed_to_can_go_with_a_warning(node, ledger, put):
    ledger.append([node.event(A, 1, state=EventState.REFUSED)])
    told = put(without(ledger.vocabulary, "joint-audience"), agreed=Agreed("joint-audience"))
    assert any("under spring version 2 will be refused" in w for w in told.warnings)
    assert told.entry == 2


def test_what_was_said_about_a_purpose_counts_again_when_it_comes_back(node, ledger, put):
    ledger.append([node.event(A, 1)])
    before = ledger.vocabulary
    put(without(before, "joint-audience"))
    told = put(before)
    assert (told.effects.gain, told.entry) == (1, 3)
    found = node.explain(ledger, "email", A, "joint-audience", "shop", "psi")
    assert found.decision.reason == "permitted"


def test_the_history_has_every_policy_also_one_that_came_back(node, ledger, put):
    before = ledger.vocabulary
    put(without(before, "lookalike-audience"))
    node.clock.advance(1_000)
    put(before)
    newest, middle, first = history(ledger, 10)
    assert (newest.entry, middle.entry, first.entry) == (2, 1, 0)
    assert newest.policy_hash == first.policy_hash == before.digest() != middle.policy_hash
    assert newest.since_ms == middle.since_ms + 1_000
    assert (newest.by, first.by, first.changes) == (BY, "node", ())
    assert [c.told() for c in middle.changes] == ["purpose lookalike-audience removed"]
    assert [c.told() for c in newest.changes] == ["purpose lookalike-audience added"]
    between = applying.in_force(ledger, middle.policy_hash)
    assert between.digest() == without(before, "lookalike-audience").digest()
    assert [one.entry for one in history(ledger, 1)] == [2]


def test_a_policy_that_was_changed_meanwhile_is_not_overwritten(node, ledger, put, monkeypatch):
    other = without(ledger.vocabulary, "audience-measurement")

    def meanwhile(*args):
        ledger.change_policy(other, "person:eve")
        return effects(*args)

    monkeypatch.setattr(applying, "effects", meanwhile)
    with pytest.raises(LedgerMoved):
        put(without(ledger.vocabulary, "joint-audience"))
    assert ledger.vocabulary.digest() == other.digest()


def test_looking_ahead_changes_nothing_about_the_live_decisions(node, ledger, put):
    ledger.append([node.event(A, 1)])
    with ledger.hold() as head:
        before = head.projection.digest()
    put(without(ledger.vocabulary, "joint-audience"), dry_run=True)
    ledger.append([node.event(B, 2)])
    with ledger.hold() as head:
        assert head.projection.digest() != before
        assert len(head.projection.subjects) == 2
