"""Vocabularies, signals and strings for tests of what signals mean."""

from typing import Any

from consent.decision import LoggedEntry
from consent.fields import Entry
from consent.purpose import BasisIn, Purpose, SignalTerms
from consent.recipients import Source
from consent.signal_records import SignalKind, SignalReceived
from consent.signals.gpp import Gpp, encode_gpp
from consent.signals.ids import Ids
from consent.signals.tc_string import TcString
from consent.signals.tcf import encode_tc_string
from consent.signals.us_section import us_section
from consent.statements import Method, Relation
from consent.vocabulary import Vocabulary
from consent.words import Basis, Operation
from tests.support.consents import NOON, SUBJECT

DAY_MS = 86_400_000
MIDNIGHT = NOON // DAY_MS * DAY_MS
VENDOR, OTHER_VENDOR = 7, 9
OPT_OUTS = ("SaleOptOut", "SharingOptOut", "TargetedAdvertisingOptOut")

ADS, EMAIL, STATS, HEALTH, SCORE = "ads", "email", "stats", "health", "score"

SPOKEN = Vocabulary(
    purposes=(
        Purpose(
            purpose_id=ADS,
            title="Advertising with partners",
            operations=(Operation.ACTIVATE, Operation.PSI),
            signals=SignalTerms(gpc=True, gpp=OPT_OUTS, tcf=(1, 3, 4), tcf_vendor=VENDOR),
            legal_basis=(BasisIn(place="US", basis=Basis.OPT_OUT),),
        ),
        Purpose(
            purpose_id=SCORE,
            title="Scoring, for the advertising",
            operations=(Operation.LOOKALIKE_SCORE, Operation.PSI),
            parents=(ADS,),
        ),
        Purpose(
            purpose_id=EMAIL,
            title="Our own newsletter",
            operations=(Operation.ACTIVATE,),
        ),
        Purpose(
            purpose_id=STATS,
            title="Counting",
            operations=(Operation.DP_STAT, Operation.PSI),
            signals=SignalTerms(gpp=("SaleOptOut",), tcf=(1, 7)),
            legal_basis=(BasisIn(place="US", basis=Basis.OPT_OUT),),
        ),
        Purpose(
            purpose_id=HEALTH,
            title="Advertising by what is known of health",
            operations=(Operation.ACTIVATE,),
            sensitive=("health",),
            signals=SignalTerms(gpc=True, gpp=("SaleOptOut",), tcf=(1, 4), tcf_vendor=OTHER_VENDOR),
            legal_basis=(BasisIn(place="US", basis=Basis.OPT_OUT),),
        ),
    ),
    sources=(
        Source(source_id="kids", child_directed=True),
        Source(source_id="second-hand", first_hand=False),
        Source(source_id="slow", backdate_days=1),
    ),
)
"""Five purposes: in the United States three of them need no more than a notice."""


def signal(
    kind: SignalKind = SignalKind.GPC, raw: str = "1", at: int = NOON, **changes: Any
) -> SignalReceived:
    """Return a signal that the caller `site` saw in California."""
    values: dict[str, Any] = {
        "subject_id": SUBJECT,
        "event_time_ms": at,
        "source_id": "site",
        "source_event_id": f"visit-{at}/{kind.value}",
        "method": Method.SIGNAL,
        "relation": Relation.MACHINE,
        "signal": kind,
        "raw": raw,
        "jurisdiction": "US-CA",
    }
    return SignalReceived(**values | changes)


def tc(**changes: Any) -> TcString:
    """Return a valid TC string in which everything for `VENDOR` is consented to, of the day."""
    values: dict[str, Any] = {
        "created_ms": MIDNIGHT,
        "last_updated_ms": MIDNIGHT,
        "cmp_id": 31,
        "consent_language": "EN",
        "vendor_list_version": 120,
        "policy_version": 5,
        "publisher_country": "DE",
        "purposes_consent": Ids.of([1, 3, 4, 7]),
        "vendor_consents": Ids.of([VENDOR]),
        "disclosed_vendors": Ids.of([VENDOR]),
    }
    return TcString(**values | changes)


def tc_text(**changes: Any) -> str:
    """Return it as text."""
    return encode_tc_string(tc(**changes))


NOTHING_US = {"MspaCoveredTransaction": 2}
NOTICES = {f"{name}Notice": 1 for name in OPT_OUTS}
NOT_OPTED_OUT = NOTHING_US | NOTICES | dict.fromkeys(OPT_OUTS, 2)


def us_text(
    fields: dict[str, Any] | None = None, prefix: str = "usnat", *, gpc: bool | None = None
) -> str:
    """Return a GPP string with one US section; by default nobody opted out of anything."""
    section = us_section(prefix, NOT_OPTED_OUT if fields is None else fields, gpc=gpc)
    return encode_gpp(Gpp(((section.section_id, section),)))


def placed(*records: Entry, recorded: int | None = None) -> list[LoggedEntry]:
    """Return records as entries 0, 1, 2, …, each recorded when it says that it happened."""
    return [
        LoggedEntry(i, r.event_time_ms if recorded is None else recorded, r)  # type: ignore[attr-defined]
        for i, r in enumerate(records)
    ]
