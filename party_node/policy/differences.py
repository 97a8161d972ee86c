"""What one vocabulary says otherwise than another, in words."""

import enum
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from consent.fields import Payload
from consent.vocabulary import Vocabulary
from party_node.policy.keys import CONTROLLER, LISTS, SECTIONS, Section, write_keys


class Step(enum.StrEnum):
    """What became of a part."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class Change:
    """One part that differs."""

    what: str
    """Its kind, as `purpose`."""
    name: str
    step: Step
    details: tuple[str, ...] = ()
    """Of a changed part: each key, before and after."""

    def told(self) -> str:
        """Return it in one line."""
        more = f": {'; '.join(self.details)}" if self.details else ""
        return f"{self.what} {self.name} {self.step.value}{more}"


def differences(before: Vocabulary, after: Vocabulary) -> list[Change]:
    """Return every part that differs: purposes first, each kind by name."""
    found = [change for section in SECTIONS for change in _parts(before, after, section)]
    found += [change for key in LISTS for change in _listed(before, after, key)]
    found += _controller(before, after)
    found += _notices(before, after)
    return found


def _parts(before: Vocabulary, after: Vocabulary, section: Section) -> Iterator[Change]:
    old, new = _by_name(before, section), _by_name(after, section)
    for name in sorted(old.keys() | new.keys()):
        if name not in old:
            yield Change(section.what, name, Step.ADDED)
        elif name not in new:
            yield Change(section.what, name, Step.REMOVED)
        elif details := tuple(_details(old[name], new[name], section)):
            yield Change(section.what, name, Step.CHANGED, details)


def _by_name(vocabulary: Vocabulary, section: Section) -> dict[str, Payload]:
    return {getattr(part, section.id_field): part for part in getattr(vocabulary, section.key)}


def _details(old: Payload, new: Payload, section: Section) -> Iterator[str]:
    for key in section.keys:
        was, is_now = getattr(old, key.field), getattr(new, key.field)
        if was != is_now:
            yield f"{key.key}: {_told(key.kind.write, was)} → {_told(key.kind.write, is_now)}"


def _listed(before: Vocabulary, after: Vocabulary, key: str) -> Iterator[Change]:
    _, keys = LISTS[key]
    old, new = (
        {_told(lambda term: write_keys(term, keys), term) for term in getattr(v, key)}
        for v in (before, after)
    )
    for told in sorted(old ^ new):
        yield Change(key, told, Step.ADDED if told in new else Step.REMOVED)


def _controller(before: Vocabulary, after: Vocabulary) -> Iterator[Change]:
    details = [
        f"{key.key}: {getattr(before, key.field) or 'none'} → {getattr(after, key.field) or 'none'}"
        for key in CONTROLLER
        if getattr(before, key.field) != getattr(after, key.field)
    ]
    if details:
        yield Change("controller", "itself", Step.CHANGED, tuple(details))


def _notices(before: Vocabulary, after: Vocabulary) -> Iterator[Change]:
    old = {n.notice_hash: n for n in before.notices}
    new = {n.notice_hash: n for n in after.notices}
    for digest in sorted(old.keys() ^ new.keys()):
        notice = (old | new)[digest]
        name = f"{notice.notice_id} version {notice.version} ({notice.language})"
        yield Change("notice", name, Step.ADDED if digest in new else Step.REMOVED)
    for digest in sorted(before.notices_to_renew ^ after.notices_to_renew):
        step = Step.ADDED if digest in after.notices_to_renew else Step.REMOVED
        yield Change("notice to renew", digest.hex()[:16], step)


def _told(write: Any, value: Any) -> str:
    if value is None:
        return "none"
    written = write(value)
    if isinstance(written, list):
        return ", ".join(map(str, written)) or "none"
    if isinstance(written, dict):
        return ", ".join(f"{key} {_inside(inner)}" for key, inner in written.items()) or "none"
    return "true" if written is True else "false" if written is False else str(written)


def _inside(value: Any) -> str:
    return _told(lambda same: same, value)
