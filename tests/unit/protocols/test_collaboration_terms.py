"""The ranges of an agreement: each term at its ends, and one past them."""

import dataclasses
import datetime
from typing import Any

import pytest

from consent.checkpoint import LogSigner
from protocols.codec import decode, encode
from protocols.collaboration import Collaboration, DatasetOffer, Member, Permitted
from protocols.collaboration_terms import (
    DELTA_EXPONENTS,
    LATEST_MS,
    MAX_BUDGET_NANO,
    MAX_CLAUSES,
    MAX_COLUMNS,
    MAX_OFFERS,
    PROTOCOLS_OF_KIND,
    REVEALING,
    check_terms,
    ledger_origin,
    permits,
)
from protocols.dp import budget
from protocols.errors import InvalidParameter
from protocols.keys import PartyKeys
from protocols.registry import REGISTRY, TRAININGS
from tests.support.seeded import seeded

DATES = datetime.UTC, datetime.timezone(datetime.timedelta(hours=14))


def member(party: str) -> Member:
    rng = seeded(party)
    public = PartyKeys.generate(party, rng).public()
    return Member(party, party.title(), public, LogSigner(ledger_origin(party), rng(32)).vkey)


BRAND, PAPER = member("brand"), member("paper")
CUSTOMERS = DatasetOffer("brand", "customers", ("email", "phone"), ("age",))
READERS = DatasetOffer("paper", "readers", ("email",), ())
OVERLAP = Permitted("overlap", "psi-dh-cardinality/2", "measurement", "brand", False)
AUDIENCE = Permitted("audience", "psi-dh-members/1", "advertising", "paper", True)
GOOD = Collaboration(
    "spring",
    1,
    "Spring, brand and paper",
    (BRAND, PAPER),
    (CUSTOMERS, READERS),
    (OVERLAP, AUDIENCE),
    50,
    10**9,
    8,
    1_900_000_000_000,
)
change = dataclasses.replace


def with_member(**changes: Any) -> Collaboration:
    return change(GOOD, members=(BRAND, change(PAPER, **changes)))


def with_offer(**changes: Any) -> Collaboration:
    return change(GOOD, datasets=(CUSTOMERS, change(READERS, **changes)))


def with_clause(clause: Permitted, **changes: Any) -> Collaboration:
    return change(GOOD, permitted=(change(clause, **changes),))


FITS = {
    "as it is": GOOD,
    "least": change(GOOD, minimum_size=2, rho_nano_each=1, delta_exponent=5, expires_ms=1),
    "most": change(
        GOOD,
        version=2**31 - 1,
        minimum_size=10**9,
        rho_nano_each=MAX_BUDGET_NANO,
        delta_exponent=15,
        expires_ms=LATEST_MS - 1,
    ),
    "longest texts": change(GOOD, collaboration="a" * 63, title="é" * 200),
    "a budget by the month": change(GOOD, budget_window="month"),
    "an overlap that reveals": with_clause(OVERLAP, reveal=True),
}

BROKEN = {
    "no name": change(GOOD, collaboration=""),
    "a name with a zero byte": change(GOOD, collaboration="spring\0"),
    "a name with a newline": change(GOOD, collaboration="spring\n"),
    "a long name": change(GOOD, collaboration="a" * 64),
    "version 0": change(GOOD, version=0),
    "version 2^31": change(GOOD, version=2**31),
    "no title": change(GOOD, title=""),
    "a long title": change(GOOD, title="a" * 201),
    "a title that moves the cursor": change(GOOD, title="\x1b[2J"),
    "a title that turns text round": change(GOOD, title="\u202espring"),
    "minimum size 1": change(GOOD, minimum_size=1),
    "minimum size too large": change(GOOD, minimum_size=10**9 + 1),
    "rho 0": change(GOOD, rho_nano_each=0),
    "rho below 0": change(GOOD, rho_nano_each=-1),
    "rho above the bound": change(GOOD, rho_nano_each=MAX_BUDGET_NANO + 1),
    "rho 2^63": change(GOOD, rho_nano_each=2**63),
    "delta exponent 0": change(GOOD, delta_exponent=0),
    "delta exponent 4": change(GOOD, delta_exponent=4),
    "delta exponent 16": change(GOOD, delta_exponent=16),
    "a budget by the day": change(GOOD, budget_window="day"),
    "a budget by no word": change(GOOD, budget_window=""),
    "a party with the name of what is published": change(
        GOOD, members=(BRAND, member("public")), datasets=(CUSTOMERS,)
    ),
    "expires at the beginning of time": change(GOOD, expires_ms=0),
    "expires in the year 9999": change(GOOD, expires_ms=LATEST_MS),
    "expires after all dates": change(GOOD, expires_ms=2**64 - 1),
    "one member": change(GOOD, members=(BRAND,)),
    "three members": change(GOOD, members=(BRAND, PAPER, member("third"))),
    "a member twice": change(GOOD, members=(BRAND, BRAND)),
    "keys under another name": with_member(public=BRAND.public),
    "a short signing key": with_member(public=change(PAPER.public, signing=bytes(31))),
    "a short sealing key": with_member(public=change(PAPER.public, mlkem=bytes(5))),
    "a short agreement key": with_member(public=change(PAPER.public, x25519=bytes(5))),
    "a member without a name to show": with_member(name=""),
    "no ledger key": with_member(ledger_vkey=""),
    "the ledger of another": with_member(ledger_vkey=BRAND.ledger_vkey),
    "a ledger of another name": with_member(ledger_vkey=LogSigner("paper", bytes(32)).vkey),
    "a party that is no name": with_member(
        party="Paper", public=change(PAPER.public, party="Paper")
    ),
    "no datasets": change(GOOD, datasets=()),
    "too many datasets": change(
        GOOD, datasets=tuple(change(READERS, dataset=f"d{n}") for n in range(MAX_OFFERS + 1))
    ),
    "a dataset twice": change(GOOD, datasets=(READERS, READERS)),
    "a dataset of nobody": with_offer(party="third"),
    "a dataset with a path for a name": with_offer(dataset="../readers"),
    "no identifiers": with_offer(identifiers=()),
    "an unknown identifier": with_offer(identifiers=("email", "passport")),
    "an identifier twice": with_offer(identifiers=("email", "email")),
    "too many columns": with_offer(columns=tuple(f"c{n}" for n in range(MAX_COLUMNS + 1))),
    "a column twice": with_offer(columns=("age", "age")),
    "a column without a name": with_offer(columns=("",)),
    "a column with a line break": with_offer(columns=("a\nb",)),
    "nothing permitted": change(GOOD, permitted=()),
    "too much permitted": change(
        GOOD, permitted=tuple(change(OVERLAP, purpose=f"p{n}") for n in range(MAX_CLAUSES + 1))
    ),
    "one thing permitted twice": change(GOOD, permitted=(OVERLAP, change(OVERLAP, reveal=True))),
    "an unknown kind": with_clause(OVERLAP, kind="training"),
    "an unknown protocol": with_clause(OVERLAP, protocol="psi-dh-cardinality/1"),
    "an overlap by a protocol that tells who": with_clause(OVERLAP, protocol="psi-dh-members/1"),
    "an audience by a protocol that counts": with_clause(AUDIENCE, protocol="psi-dh-cardinality/2"),
    "an audience that does not say reveal": with_clause(AUDIENCE, reveal=False),
    "a purpose that is no name": with_clause(OVERLAP, purpose="Any purpose"),
    "a receiver from outside": with_clause(OVERLAP, receiver="third"),
    "too many bytes": change(
        GOOD,
        datasets=tuple(
            DatasetOffer("paper", f"d{n}", ("email",), tuple(f"{c:064}" for c in range(128)))
            for n in range(64)
        ),
    ),
}


@pytest.mark.parametrize("agreed", FITS.values(), ids=FITS.keys())
def test_terms_in_their_ranges_pass(agreed: Collaboration) -> None:
    check_terms(agreed)
    check_terms(decode(Collaboration, encode(agreed)))


@pytest.mark.parametrize("agreed", BROKEN.values(), ids=BROKEN.keys())
def test_terms_out_of_their_ranges_are_refused(agreed: Collaboration) -> None:
    assert decode(Collaboration, encode(agreed)) == agreed, "the codec alone lets it pass"
    with pytest.raises(InvalidParameter) as refused:
        check_terms(agreed)
    assert str(refused.value).isprintable(), "what is refused is not repeated"


@pytest.mark.parametrize("exponent", DELTA_EXPONENTS)
def test_every_budget_that_passes_can_be_shown(exponent: int) -> None:
    for nano in (1, MAX_BUDGET_NANO):
        assert budget.epsilon(nano, exponent) > 0
        assert budget.questions_left(budget.Rho(nano)) >= 0


def test_every_expiry_that_passes_is_a_date_in_every_time_zone() -> None:
    for zone in DATES:
        last = datetime.datetime.fromtimestamp((LATEST_MS - 1) / 1000, zone)
        assert last.year in (9998, 9999)


def test_every_kind_names_registered_protocols() -> None:
    assert frozenset().union(*PROTOCOLS_OF_KIND.values()) <= REGISTRY.keys() | TRAININGS
    assert PROTOCOLS_OF_KIND.keys() >= REVEALING


def test_a_clause_permits_its_own_protocol_and_what_tells_less_than_any_of_its_kind():
    clause = Permitted("joint", "joint-bfv/3", "joint-scoring", "brand", True)
    rest = ("joint-scoring", "brand")
    assert permits(clause, "joint", "joint-bfv/3", *rest)
    assert permits(clause, "joint", "joint-again/2", *rest)
    assert not permits(clause, "joint", "joint-cot/3", *rest)
    assert not permits(clause, "audience", "joint-again/2", *rest)
    assert not permits(clause, "joint", "joint-again/2", "advertising", "brand")
    assert not permits(clause, "joint", "joint-again/2", "joint-scoring", "paper")
    only = change(clause, protocol="joint-again/2")
    assert permits(only, "joint", "joint-again/2", *rest)
    assert not permits(only, "joint", "joint-bfv/3", *rest)
    assert not permits(OVERLAP, "overlap", "joint-again/2", "measurement", "brand")
