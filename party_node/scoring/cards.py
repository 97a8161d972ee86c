"""What people read of kept models: a line in a list, and everything that is said of one."""

from collections.abc import Callable, Iterator
from types import MappingProxyType
from typing import Any

from party_node import job_words
from party_node.job_kinds import FEDERATED, JOINT, LOOKALIKE

Card = dict[str, Any]

everything: MappingProxyType[str, Callable[[Card], Iterator[str]]] = MappingProxyType(
    {LOOKALIKE: job_words.model, FEDERATED: job_words.trained, JOINT: job_words.joint}
)
"""By the kind of job: (card) → lines."""


def in_short(kind: str, card: Card) -> tuple[str, str]:
    """Return what people are scored for, and how good that is."""
    if kind == LOOKALIKE:
        recall = next(at["recall"] for at in card["curve"] if at["reach"] == 0.1)
        seeds = f"like {card['seeds_step']:,} seeds or more of {card['brand']}"
        return seeds, f"finds {recall:.0%} of seeds in the best 10 %"
    if kind == FEDERATED:
        return job_words.foretold(card), _area(card["rounds"][-1]["auc"])
    return f"the label of {card['people']:,} people of both", _area(card.get("auc"))


def stands(one: dict[str, Any]) -> Iterator[str]:
    """Say whom a model that is kept here may score now, who has withdrawn, what audience it has."""
    found, used, audience = one["scoring"], one["used"], one["audience"]
    if found["refused"]:
        yield f"  nobody can be scored now: {found['why']} ({found['refused']})"
    else:
        yield f"  can be scored now: {found['permitted']:,} of {found['asked']:,} people"
        for reason, people in sorted(found["withheld"].items()):
            yield f"    withheld, {reason}: {people:,}"
    if used is not None and used["no_longer"] is not None:
        gone = f"{used['no_longer']:,} of {used['people']:,} people"
        yield f"  withdrawn since it was made, or consent has ended: {gone}"
    if audience is not None:
        usable = "nobody" if audience["refused"] else f"{audience['usable']:,}"
        yield f"  audience: {audience['people']:,} people, of whom {usable} may be used now"


def _area(auc: float | None) -> str:
    return "not judged here" if auc is None else f"AUC {auc:.3f} over people held out here"
