"""Questions about people in common, written in the console: what may be asked, and the text of it.

The page fills in a question as people write it in a file, and shows it: it can be changed there
before it is asked, and means what it would mean to `accord job insight --query`.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from party_node.errors import JobRefused
from party_node.job_kinds import INSIGHT
from party_node.services import Services

KINDS = ("count", "histogram", "sum", "mean", "variance")
"""Kinds that the form writes; others are written by hand."""
_OF = frozenset({"sum", "mean", "variance"})
_WITHIN = "within"


@dataclass(frozen=True, slots=True)
class Offer:
    """What a partner offers to be asked about, for one purpose."""

    collaboration: str
    purpose: str
    party: str
    dataset: str
    columns: tuple[str, ...]
    identifiers: tuple[str, ...]

    @property
    def key(self) -> str:
        """Its value in the form; names have no spaces."""
        return f"{self.collaboration} {self.purpose} {self.party} {self.dataset}"


def offers(parts: Services) -> tuple[Offer, ...]:
    """Return what may be asked by this party under the agreements in force."""
    return tuple(dict.fromkeys(_offers(parts)))


def _offers(parts: Services) -> Iterator[Offer]:
    me, now = parts.home.settings.party, parts.clock_ms()
    newest = {d.collaboration: d for d, row in parts.collaborations.all() if row.in_force}
    for document in newest.values():
        for clause in document.permitted:
            if clause.kind == INSIGHT and clause.receiver == me and now < document.expires_ms:
                for given in document.datasets:
                    if given.party != me and given.columns:
                        yield Offer(
                            document.collaboration, clause.purpose, given.party, given.dataset,
                            given.columns, given.identifiers,
                        )  # fmt: skip


def chosen(parts: Services, key: str) -> Offer:
    """Return the offer that the form names. Raises: JobRefused if there is none such."""
    found = next((one for one in offers(parts) if one.key == key), None)
    if found is None:
        raise JobRefused("no agreement in force lets this party ask that")
    return found


@dataclass(frozen=True, slots=True)
class Written:
    """What stands in the form's fields, as it was typed."""

    kind: str = KINDS[0]
    by: str = ""
    words: str = ""
    of: str = ""
    low: str = ""
    high: str = ""
    price_by: str = _WITHIN
    price: str = "100"


def text_of(offer: Offer, form: Written) -> str:
    """Return the question as text; whatever is wrong in it is found when it is read."""
    columns: dict[str, Any] = {}
    found: dict[str, Any] = {"query": form.kind, "dataset": offer.dataset, "columns": columns}
    if form.by:
        words = [word.strip() for word in form.words.split(",") if word.strip()]
        columns[form.by] = {"categories": words}
        found["by"] = form.by if form.kind == "histogram" else [form.by]
    if form.of and form.kind in _OF:
        columns[form.of] = {"bounds": [_number(form.low), _number(form.high)]}
        found["of"] = form.of
    if not columns:
        del found["columns"]
    within = form.price_by == _WITHIN
    found["price"] = {_WITHIN: _number(form.price)} if within else {"rho": form.price}
    return json.dumps(found, indent=2, ensure_ascii=False)


def _number(typed: str) -> int | str:
    """Return a whole number; whatever else was typed stays as it is, and is refused later."""
    try:
        return int(typed)
    except ValueError:
        return typed
