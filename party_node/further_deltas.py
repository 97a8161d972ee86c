"""Deltas that are charged beside a rho: of words that nobody listed (`top_k`).

A word that one person alone has comes out with a small chance, the question's delta. Such chances
add up, over all answers to one recipient, beside the delta at which epsilon is shown. The word of a
charge says it (`words-1e-12`), so it stands in the same row, at the same moment and as durably as
the rho. All charges towards a recipient count, of whatever dataset and month; together they may
come to the delta of the agreement. So all answers together are within epsilon and twice that delta.
"""

from fractions import Fraction

from sqlmodel import Session, col, func, select

from party_node.tables import BudgetChargeRow
from protocols.errors import DeltaExceeded
from protocols.release import STATISTICS, WORDS

_PREFIX = f"{WORDS}-1e-"


def word(exponent: int) -> str:
    """Return what is charged for an answer with a delta of 10^-exponent; 0 for one without."""
    return f"{_PREFIX}{exponent}" if exponent else STATISTICS


def delta_of(what: str) -> Fraction:
    """Return the delta that a charge's word says; 0 for most."""
    said = what.removeprefix(_PREFIX)
    return Fraction(1, 10 ** int(said)) if said != what else Fraction(0)


def spent(session: Session, to_party: str) -> Fraction:
    """Return what all charges towards a recipient come to."""
    query = (
        select(BudgetChargeRow.what, func.count())
        .where(col(BudgetChargeRow.to_party) == to_party)
        .where(col(BudgetChargeRow.what).startswith(_PREFIX))
        .group_by(BudgetChargeRow.what)
    )
    return sum((delta_of(what) * n for what, n in session.exec(query)), Fraction(0))


def check(session: Session, to_party: str, what: str, delta_exponent: int) -> None:
    """Return if 10^-delta_exponent covers one charge more. Raises: DeltaExceeded."""
    further = delta_of(what)
    if further and spent(session, to_party) + further > Fraction(1, 10**delta_exponent):
        raise DeltaExceeded(f"1e-{delta_exponent}")


def shown(delta: Fraction) -> str:
    """Return a sum of deltas for people, as `3e-12`."""
    return f"{float(delta):.3g}" if delta else "0"
