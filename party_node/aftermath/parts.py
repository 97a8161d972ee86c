"""What a node does after entries were written, put together: telling, reports, sweeps, erasure."""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass

from pyroaring import BitMap
from sqlmodel import Session

from party_node.aftermath.expiry import ExpirySweep
from party_node.aftermath.exposures import Exposures
from party_node.aftermath.state_log import log_state_when_due
from party_node.aftermath.steward import Steward, Turn
from party_node.aftermath.telling import Telling
from party_node.audience_members import forget_member
from party_node.clock import Clock
from party_node.contact.reservations import Reservations
from party_node.database import Database
from party_node.datasets import Datasets
from party_node.decisions import Decisions
from party_node.erasure.erasing import Clean, Erasing
from party_node.erasure.holds import Holds
from party_node.errors import NodeError
from party_node.identity import Identity
from party_node.ledger.consent_ledger import ConsentLedger
from party_node.ledger.witness_memory import OnAlarm
from party_node.lineages import Lineages
from party_node.observability import log
from party_node.repeats import forget_from_inputs
from party_node.requests.request_rows import forget_person
from party_node.webhooks.events import EventType
from party_node.webhooks.outbox import Outbox
from protocols.session import Rng

_MINUTE, _HOUR, _DAY = 60.0, 3_600.0, 86_400.0


@dataclass(frozen=True, slots=True)
class Aftermath:
    """The parts; safe to use from several threads."""

    exposures: Exposures
    expiry: ExpirySweep
    erasing: Erasing
    steward: Steward


def assemble_aftermath(
    ledger: ConsentLedger,
    identity: Identity,
    datasets: Datasets,
    decisions: Decisions,
    reservations: Reservations,
    outbox: Outbox,
    clock: Clock,
    rng: Rng,
    holds: Holds,
    lineages: Lineages,
    *also_clean: Clean,
) -> Aftermath:
    """Put them together, and finish what an interrupted erasure left."""
    db, vault = ledger.database, ledger.vault
    ledger.on_appended.append(Telling(outbox))

    def forget(session: Session, subject: int, subject_id: str) -> None:
        decisions.forget(session, subject)
        reservations.forget(session, subject)
        forget_member(session, vault, subject)
        forget_from_inputs(session, vault, BitMap([subject]))
        lineages.forget(session, BitMap([subject]))
        forget_person(session, subject)
        outbox.purge_group(session, subject_id)

    def prune() -> None:
        with db.writing() as session:
            reservations.prune(session, clock())

    exposures, expiry = Exposures(ledger, identity, decisions), ExpirySweep(ledger, identity)
    erasing = Erasing(ledger, identity, rng, [forget], [datasets.forget, *also_clean], outbox)
    erasing.try_to_finish()
    steward = Steward(
        [
            Turn("exposures", 2.0, exposures.report),
            Turn("expiry", _MINUTE, expiry.sweep),
            Turn("erasures", _MINUTE, erasing.finish),
            Turn("state", _MINUTE, lambda: log_state_when_due(ledger)),
            Turn("contacts", _DAY, prune),
            Turn("holds", _HOUR, holds.end_due),
        ]
    )
    return Aftermath(exposures, expiry, erasing, steward)


def ledger_alarm(outbox: Outbox, clock: Clock) -> OnAlarm:
    """Return what tells other systems that a witness knows another history of this ledger."""

    def alarm(session: Session, kind: str, size: int) -> None:
        outbox.enqueue(
            session, EventType.LEDGER_ALARM, {"reason": kind, "size": size}, clock(),
            group="ledger",
        )  # fmt: skip

    return alarm


def gate_alarm(db: Database, outbox: Outbox, clock: Clock) -> Callable[[str, str], None]:
    """Return what tells operators and other systems that the gate could not decide (rule 20)."""

    def alarm(job: str, code: str) -> None:
        log.error("gate-failed", job=job, cause=code)
        with contextlib.suppress(NodeError), db.writing() as session:  # the disk may be the cause
            outbox.enqueue(
                session, EventType.GATE_FAILED, {"job": job[:32], "reason": code}, clock(),
                group=f"gate/{job}",
            )  # fmt: skip

    return alarm
