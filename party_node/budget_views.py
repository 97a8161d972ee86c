"""The budget for people: of each account limit, spent and left, as questions first.

Epsilon stands beside rho, at the delta of the agreement. Both are sums of what was charged; epsilon
says nothing of revealed members, which are metered only (ADR 6).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from party_node import further_deltas
from party_node.accounts import EVERY, PUBLIC, PUBLIC_DELTA_EXPONENT, Account
from party_node.errors import UnknownDataset
from party_node.lineages import lineage_of, names_of
from party_node.services import Services
from protocols.collaboration import Collaboration
from protocols.dp.budget import HALF_WIDTH, Rho, epsilon, questions_left


@dataclass(frozen=True, slots=True)
class Standing:
    """How one account stands under one agreement."""

    collaboration: str
    """Empty for what is published."""
    account: Account
    lineage: str
    datasets: tuple[str, ...]
    limit: Rho
    spent: Rho
    delta_exponent: int
    further_delta: Fraction
    """What the deltas of open words towards the same recipient come to."""

    @property
    def left(self) -> Rho:
        """What may still be charged; a lower limit in a new version leaves nothing, not less."""
        return Rho(max(0, self.limit.nano - self.spent.nano))


def standings(parts: Services, collaboration: str | None = None) -> Iterator[Standing]:
    """Return how each account stands: towards each other party of each agreement in force, and what
    was published. `collaboration` takes that one alone, `""` the published ones.
    """
    newest = {d.collaboration: d for d, row in parts.collaborations.all() if row.in_force}
    for document in newest.values():
        if collaboration in (None, document.collaboration):
            for member in document.members:
                if member.party != parts.home.settings.party:
                    yield from _towards(parts, document, member.party)
    if collaboration in (None, ""):
        yield from _published(parts)


def budget_views(parts: Services) -> list[dict[str, Any]]:
    """Return every account as it stands, for people."""
    return [view(one) for one in standings(parts)]


def view(one: Standing) -> dict[str, Any]:
    """Return how an account stands."""
    return {
        "collaboration": one.collaboration,
        "to": one.account.counterparty,
        "lineage": one.lineage,
        "datasets": list(one.datasets),
        "window": "month" if one.account.monthly else "none",
        "delta": f"1e-{one.delta_exponent}",
        "further_delta": further_deltas.shown(one.further_delta),
        "limit": _amount(one, one.limit),
        "spent": _amount(one, one.spent),
        "left": _amount(one, one.left),
        "questions_left": questions_left(one.left),
        "half_width": HALF_WIDTH,
    }


def planned(one: Standing, rho: Rho) -> dict[str, Any]:
    """Return how an account stands before and after a question of this price; nothing is charged.

    A question that does not fit leaves everything as it is.
    """
    fits = rho <= one.left
    spent = one.spent + rho if fits else one.spent
    left = one.left - rho if fits else one.left
    return view(one) | {
        "price": _amount(one, rho),
        "fits": fits,
        "missing": Rho(max(0, rho.nano - one.left.nano)).decimal(),
        "after": {
            "spent": _amount(one, spent),
            "left": _amount(one, left),
            "questions_left": questions_left(left),
        },
    }


def _amount(one: Standing, rho: Rho) -> dict[str, Any]:
    return {"rho": rho.decimal(), "epsilon": epsilon(rho.nano, one.delta_exponent)}


def _towards(parts: Services, document: Collaboration, party: str) -> Iterator[Standing]:
    """One for each lineage that this party brings; a dataset not registered yet has been charged
    nothing but what was charged for all data.
    """
    me = parts.home.settings.party
    of_lineage: dict[str, str] = {}
    for offer in document.datasets:
        if offer.party == me:
            with parts.db.reading() as session:
                try:
                    of_lineage.setdefault(lineage_of(session, offer.dataset), offer.dataset)
                except UnknownDataset:
                    of_lineage.setdefault(EVERY, EVERY)
    for lineage, dataset in of_lineage.items() or [(EVERY, EVERY)]:
        account = parts.collaborations.account(document, party, dataset)
        yield Standing(
            document.collaboration, account, lineage, _names(parts, lineage),
            Rho(document.rho_nano_each), parts.budgets.spent(account), document.delta_exponent,
            parts.budgets.further_delta(party),
        )  # fmt: skip


def _published(parts: Services) -> Iterator[Standing]:
    limits: dict[str, int] = {}
    heads = [row for row in parts.budgets.accounts() if row.counterparty == PUBLIC]
    for row in sorted(heads, key=lambda row: row.last_charge):
        with parts.db.reading() as session:
            limits[lineage_of(session, row.lineage)] = row.limit_nano
    for lineage, limit in limits.items():
        account = Account(PUBLIC, lineage)
        yield Standing(
            "", account, lineage, _names(parts, lineage), Rho(limit),
            parts.budgets.spent(account), PUBLIC_DELTA_EXPONENT,
            parts.budgets.further_delta(PUBLIC),
        )  # fmt: skip


def _names(parts: Services, lineage: str) -> tuple[str, ...]:
    with parts.db.reading() as session:
        return tuple(sorted(names_of(session, lineage)))
