"""The other way round: what a ledger permits about one person now, said as a TC or GPP string.

A string never says more than the ledger. It can say less: where two purposes cannot be told apart
in it, the one that is not permitted counts. TCF has no word for silence; a purpose about which
nobody said anything is a 0 there, and its vendor was not disclosed.
"""

import enum
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from consent.decision import LoggedEntry, Verdict, decide
from consent.purpose import Purpose
from consent.reasons import Query
from consent.signals.gpp import Gpp
from consent.signals.ids import Ids
from consent.signals.meaning import KNOWN_CHILD
from consent.signals.standing import Standing
from consent.signals.tc_string import TcString
from consent.signals.us_layouts import Field, layout_of
from consent.signals.us_section import UsSection, us_section
from consent.vocabulary import Vocabulary

NEWEST_POLICY = 5
"""Policy version of TCF 2.3."""
_DAY_MS = 86_400_000
_NATIONAL = "usnat"


class Answer(enum.StrEnum):
    """What the ledger has to say about one purpose, for one recipient."""

    PERMITTED = "permitted"
    OBJECTED = "objected"
    NOT_PERMITTED = "not-permitted"
    """No yes that holds, and no no."""


Answers = Mapping[str, Answer]
"""By purpose."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Issuer:
    """Who writes a TC string: a consent management platform, and what it showed."""

    cmp_id: int
    cmp_version: int = 1
    consent_screen: int = 1
    language: str
    vendor_list_version: int
    policy_version: int = NEWEST_POLICY
    publisher_country: str


def answers_of(
    entries: Sequence[LoggedEntry], vocabulary: Vocabulary, recipient: str, at_ms: int
) -> Answers:
    """Return what all entries about a person come to, by purpose.

    Permitted is what every operation of the purpose is permitted.
    """
    standing = Standing(entries, vocabulary, at_ms)

    def answer(purpose: Purpose) -> Answer:
        if standing.forbids(purpose.purpose_id, recipient):
            return Answer.OBJECTED
        asked = (
            Query(purpose=purpose.purpose_id, operation=o, at_ms=at_ms, recipient=recipient)
            for o in purpose.operations
        )
        allowed = [decide(entries, query, vocabulary).outcome is Verdict.ALLOW for query in asked]
        return Answer.PERMITTED if allowed and all(allowed) else Answer.NOT_PERMITTED

    return {purpose.purpose_id: answer(purpose) for purpose in vocabulary.purposes}


def tc_string_of(answers: Answers, vocabulary: Vocabulary, issuer: Issuer, at_ms: int) -> TcString:
    """Return the TC string that says it, of the day of `at_ms`.

    Raises: MalformedSignal if a number of the issuer does not fit.
    """
    permitted, others = _parted(answers, vocabulary)
    bits = {number for purpose in permitted for number in purpose.signals.tcf}
    for purpose in others:
        if bits.issuperset(purpose.signals.tcf):
            bits -= set(purpose.signals.tcf)
    vendors = _vendors(p for p in permitted if bits.issuperset(p.signals.tcf))
    silent = Answer.NOT_PERMITTED
    asked = (p for p in (*permitted, *others) if answers[p.purpose_id] is not silent)
    day = at_ms // _DAY_MS * _DAY_MS
    return TcString(
        created_ms=day,
        last_updated_ms=day,
        cmp_id=issuer.cmp_id,
        cmp_version=issuer.cmp_version,
        consent_screen=issuer.consent_screen,
        consent_language=issuer.language,
        vendor_list_version=issuer.vendor_list_version,
        policy_version=issuer.policy_version,
        purposes_consent=Ids.of(bits),
        publisher_country=issuer.publisher_country,
        vendor_consents=vendors,
        disclosed_vendors=_vendors(asked),
    )


def gpp_of(
    answers: Answers, vocabulary: Vocabulary, place: str, *, mspa_covered: bool = False
) -> Gpp:
    """Return the GPP string that says it: the national section, and the state's if there is one.

    `place` is an ISO 3166 code, as `US-CA`. Whether GPC is set is not said: it is the browser's.
    """
    state = f"us{place.removeprefix('US-').lower()}"
    known = place.startswith("US-") and state != _NATIONAL and layout_of(state) is not None
    prefixes = (_NATIONAL, state) if known else (_NATIONAL,)
    sections = [_us_section_of(answers, vocabulary, prefix, mspa_covered) for prefix in prefixes]
    return Gpp(tuple((section.section_id, section) for section in sections))


def _parted(answers: Answers, vocabulary: Vocabulary) -> tuple[list[Purpose], list[Purpose]]:
    """Return the purposes that TCF speaks about: what is permitted, and what is not."""
    spoken = [purpose for purpose in vocabulary.purposes if purpose.signals.tcf]
    permitted = [p for p in spoken if answers[p.purpose_id] is Answer.PERMITTED]
    return permitted, [p for p in spoken if p not in permitted]


def _vendors(purposes: Iterator[Purpose]) -> Ids:
    found = (purpose.signals.tcf_vendor for purpose in purposes)
    return Ids.of(vendor for vendor in found if vendor is not None)


def _us_section_of(
    answers: Answers, vocabulary: Vocabulary, prefix: str, mspa_covered: bool
) -> UsSection:
    layout = layout_of(prefix)
    assert layout is not None
    present = {field.name for field in layout.fields}
    values = {"MspaCoveredTransaction": 1 if mspa_covered else 2}
    for field in layout.fields:
        heard = _heard(field, answers, vocabulary)
        if not heard or field.count > 1 or field.name == KNOWN_CHILD:
            continue
        if Answer.OBJECTED in heard:
            values[field.name] = 1
        elif heard == {Answer.PERMITTED}:
            values[field.name] = 2
        notice = f"{field.name}Notice"
        if field.name in values and notice in present:
            values[notice] = 1
    return us_section(prefix, values)


def _heard(field: Field, answers: Answers, vocabulary: Vocabulary) -> set[Answer]:
    """Return the answers about all purposes that this field speaks about."""
    return {
        answers[purpose.purpose_id]
        for purpose in vocabulary.purposes
        if field.name in purpose.signals.gpp
    }
