"""The ranges of an agreement: what any reader may rely on, before anybody has signed it.

A proposal names parties that have not seen it yet. The coordinator refuses one that is outside
these ranges, and a node skips it, so that no document can break the page that would show it. What
only a clock or an enrolment can tell (whether it has expired, whose keys these are) is checked
elsewhere. `docs/spec/relay.md` lists the ranges.
"""

import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from protocols import registry
from protocols.codec import encode
from protocols.collaboration import Collaboration, DatasetOffer, Member, Permitted
from protocols.dp.budget import NANO, PUBLIC
from protocols.errors import InvalidParameter, LocalError
from protocols.identifiers import KINDS as IDENTIFIERS
from protocols.joint import asked_again
from protocols.multi_party import MOST_PARTIES

PROTOCOLS_OF_KIND: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "overlap": frozenset({"psi-dh-cardinality/2"}),
        "audience": frozenset({"psi-dh-members/1", "psi-dh-prepared/1", "psi-ot-members/1"}),
        "insight": frozenset({"sums-join-bfv/1", "sums-join-cot/1"}),
        "lookalike": frozenset({"lookalike-bfv/2", "lookalike-cot/2"}),
        "joint": frozenset({"joint-bfv/3", "joint-cot/3", asked_again.PROTOCOL}),
        "federated": frozenset({"federated-ridge/2"}),
    }
)
"""Kinds of job, each with the protocols that output what the kind promises, and no more: between
two members."""

RINGS_OF_KIND: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "overlap": frozenset({"psi-ring-cardinality/2"}),
        "audience": frozenset({"psi-ring-members/1"}),
        "federated": frozenset({"federated-ridge/2"}),
    }
)
"""The same between three or more members. All of them take part in every job of the agreement."""

COVERED: Mapping[str, frozenset[str]] = MappingProxyType(
    {"joint": frozenset({asked_again.PROTOCOL})}
)
"""Protocols that any clause of a kind permits: they tell less than each of the others."""

REVEALING = frozenset({"audience", "joint"})
"""Kinds of which the agreement must say `reveal`."""

LEAST_MEMBERS, MOST_MEMBERS = 2, MOST_PARTIES
MAX_DOCUMENT_BYTES = 64 * 1024
MAX_TEXT = 200
"""Characters of a title or of a party's name."""
MAX_COLUMN = 64
MAX_OFFERS = MAX_CLAUSES = 64
MAX_COLUMNS = 128
MAX_VERSION = 2**31 - 1
MAX_MINIMUM_SIZE = 10**9
MAX_BUDGET_NANO = 10_000 * NANO
"""Rho 10,000 protects nobody any more; from about 1,000,000 on its epsilon cannot be computed."""
DELTA_EXPONENTS = range(5, 16)
MONTH = "month"
BUDGET_WINDOWS = ("none", MONTH)
LATEST_MS = 253_370_764_800_000
"""The first moment of the year 9999, UTC: later ones are no dates in every time zone."""

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}", re.ASCII)
_VKEY = re.compile(r"(.{1,255})\+[0-9a-f]{8}\+[A-Za-z0-9+/]{44}", re.ASCII)


def check_terms(agreed: Collaboration) -> None:
    """Return if every term is in its range, and the terms fit each other.

    Raises: InvalidParameter, naming the first term that is not.
    """
    _check(len(encode(agreed)) <= MAX_DOCUMENT_BYTES, f"it has at most {MAX_DOCUMENT_BYTES} bytes")
    check_name("the collaboration", agreed.collaboration)
    check_text("the title", agreed.title)
    _in_range("version", agreed.version, 1, MAX_VERSION)
    _in_range("minimum_size", agreed.minimum_size, 2, MAX_MINIMUM_SIZE)
    _in_range("rho_nano_each", agreed.rho_nano_each, 1, MAX_BUDGET_NANO)
    _in_range("delta_exponent", agreed.delta_exponent, DELTA_EXPONENTS[0], DELTA_EXPONENTS[-1])
    known = agreed.budget_window in BUDGET_WINDOWS
    _check(known, f"budget_window is {' or '.join(BUDGET_WINDOWS)}")
    _in_range("expires_ms", agreed.expires_ms, 1, LATEST_MS - 1)
    _check(
        LEAST_MEMBERS <= len(agreed.members) <= MOST_MEMBERS,
        f"it has {LEAST_MEMBERS} to {MOST_MEMBERS} members",
    )
    _distinct("members", (m.party for m in agreed.members))
    for member in agreed.members:
        _check_member(member)
    _check(1 <= len(agreed.datasets) <= MAX_OFFERS, f"it has 1 to {MAX_OFFERS} datasets")
    _distinct("datasets", ((d.party, d.dataset) for d in agreed.datasets))
    for offer in agreed.datasets:
        _check_offer(agreed, offer)
    _check(1 <= len(agreed.permitted) <= MAX_CLAUSES, f"it permits 1 to {MAX_CLAUSES} kinds of job")
    _distinct("jobs", ((p.kind, p.protocol, p.purpose, p.receiver) for p in agreed.permitted))
    for clause in agreed.permitted:
        _check_clause(agreed, clause)


def permits(clause: Permitted, kind: str, protocol: str, purpose: str, receiver: str) -> bool:
    """Tell whether a clause permits a kind of job by a protocol, for a purpose, to a receiver."""
    named = protocol == clause.protocol or protocol in COVERED.get(clause.kind, ())
    return named and (clause.kind, clause.purpose, clause.receiver) == (kind, purpose, receiver)


def check_name(what: str, name: str) -> None:
    """Return if `name` is 1 to 63 lower-case letters, digits and hyphens, no hyphen first.

    Raises: InvalidParameter.
    """
    _check(
        _NAME.fullmatch(name) is not None,
        f"{what} has a name of 1 to 63 lower-case letters, digits and hyphens",
    )


def check_text(what: str, text: str) -> None:
    """Return if `text` is 1 to 200 printable characters, on one line.

    Raises: InvalidParameter.
    """
    fits = 1 <= len(text) <= MAX_TEXT and text.isprintable()
    _check(fits, f"{what} has 1 to {MAX_TEXT} printable characters")


def ledger_origin(party: str) -> str:
    """Return the name under which the consent ledger of a party signs."""
    return f"accord/{party}/consent"


def _check_member(member: Member) -> None:
    check_name("a member", member.party)
    _check(member.party != PUBLIC, f"no member is called {PUBLIC}")
    check_text("the name of a member", member.name)
    _check(member.public.party == member.party, "a member's keys are under its own name")
    _check(len(member.public.signing) == 32, "a signing key has 32 bytes")
    try:
        member.public.sealing_key()
    except LocalError as e:
        raise InvalidParameter(f"the sealing key of {member.party} is not a key") from e
    vkey = _VKEY.fullmatch(member.ledger_vkey)
    _check(
        vkey is not None and vkey[1] == ledger_origin(member.party),
        f"the ledger key of {member.party} is a verifier key named {ledger_origin(member.party)}",
    )


def _check_offer(agreed: Collaboration, offer: DatasetOffer) -> None:
    check_name("a dataset", offer.dataset)
    _check(agreed.member(offer.party) is not None, "each dataset is of a member")
    known = offer.identifiers and set(offer.identifiers) <= set(IDENTIFIERS)
    _check(bool(known), f"identifiers are some of {', '.join(IDENTIFIERS)}")
    _distinct("identifiers", offer.identifiers)
    _check(len(offer.columns) <= MAX_COLUMNS, f"a dataset offers at most {MAX_COLUMNS} columns")
    _distinct("columns", offer.columns)
    for column in offer.columns:
        _check(
            1 <= len(column) <= MAX_COLUMN and column.isprintable(),
            f"a column has a name of 1 to {MAX_COLUMN} printable characters",
        )


def protocols_of(kind: str, members: int) -> frozenset[str]:
    """Return the protocols by which so many members may run a kind of job; none if unknown."""
    table = PROTOCOLS_OF_KIND if members == LEAST_MEMBERS else RINGS_OF_KIND
    return table.get(kind, frozenset())


def _check_clause(agreed: Collaboration, clause: Permitted) -> None:
    protocols = protocols_of(clause.kind, len(agreed.members))
    kinds = " and ".join(sorted(PROTOCOLS_OF_KIND))
    _check(clause.kind in PROTOCOLS_OF_KIND, f"kinds of job are {kinds}")
    registry.params_of(clause.protocol)
    _check(
        clause.protocol not in _other_table(len(agreed.members)),
        f"{clause.protocol} is not for {len(agreed.members)} members",
    )
    _check(
        clause.protocol in protocols,
        f"{clause.protocol} does not output what {clause.kind} promises",
    )
    check_name("a purpose", clause.purpose)
    _check(agreed.member(clause.receiver) is not None, "each receiver is a member")
    _check(
        clause.reveal or clause.kind not in REVEALING,
        f"{clause.kind} reveals which records match: it must say so",
    )


def _other_table(members: int) -> frozenset[str]:
    table = RINGS_OF_KIND if members == LEAST_MEMBERS else PROTOCOLS_OF_KIND
    return frozenset[str]().union(*table.values()) - frozenset(registry.TRAININGS)


def _check(fits: bool, rule: str) -> None:
    if not fits:
        raise InvalidParameter(rule)


def _in_range(name: str, value: int, low: int, high: int) -> None:
    _check(low <= value <= high, f"{name} is outside {low} to {high}")


def _distinct(what: str, values: Iterable[object]) -> None:
    found = list(values)
    _check(len(set(found)) == len(found), f"the {what} name something twice")
