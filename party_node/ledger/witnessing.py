"""Publishing this node's checkpoints: one is published when a quorum of its witnesses cosigned it.

    vouched   under an emergency approval: what the coordinator alone has cosigned
    publish   ask every witness of the trust policy to cosign the newest checkpoint, side by side;
              it is published when the policy's quorum has cosigned
    adopt     take another policy, if its witnesses publish the ledger as it stands

A use record must stand under a published checkpoint before any row is read for a job. Witnesses
that are silent are waited for only as long as the quorum needs them. One that refuses is an alarm
that is reported and kept; one that has seen more entries than there are stops publishing, whatever
the others say: then an old backup was restored, or a copy of this node is writing.
"""

import functools
import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

import structlog

from consent.checkpoint import checkpoint_of, open_checkpoint
from consent.errors import BadSignature, ConsentError, LedgerInconsistent
from consent.note import Verifier, parse_vkey
from consent.policy import Policy
from party_node.errors import CoordinatorUnreachable, NodeError, PolicyUnusable, QuorumMissed
from party_node.ledger import trust_policy
from party_node.ledger.asking import ALARMS, SENTENCES, Endpoint, Said, ask
from party_node.ledger.consent_ledger import ConsentLedger
from party_node.ledger.gathering import Patience, gather
from party_node.ledger.trust_policy import TrustPolicy
from party_node.ledger.weakening import weaker
from party_node.ledger.witness_memory import View, WitnessMemory
from party_node.witness_tables import WitnessAlarmRow

log = structlog.get_logger()

Connect = Callable[[Verifier, str], Endpoint | None]
"""Opens the way to a witness by its key and its URL, which may be empty; None if there is none."""
Keep = Callable[[TrustPolicy, str, str], None]
"""Writes down a change of the policy, by whom and in words, and then the policy where the next
start finds it (`policy_changes.py`).
"""


@dataclass(frozen=True, slots=True)
class _Witness:
    """One witness of a policy."""

    key: Verifier
    endpoint: Endpoint
    busy: threading.Lock = field(default_factory=threading.Lock)
    """Held while it is asked: one question at a time, so that its answers come in order."""


@dataclass(frozen=True, slots=True)
class _Round:
    """One checkpoint, and what was said to it in time."""

    note: str
    size: int
    said: dict[str, Said] = field(default_factory=dict)


class Witnessing:
    """Keeps a node's ledger published under its trust policy. Safe to use from several threads."""

    def __init__(
        self,
        ledger: ConsentLedger,
        memory: WitnessMemory,
        trust: TrustPolicy,
        connect: Connect,
        keep: Keep,
        patience: Patience | None = None,
    ) -> None:
        self._ledger, self._memory, self._connect, self._keep = ledger, memory, connect, keep
        self._log, self._trust = parse_vkey(ledger.vkey), trust
        self._patience = patience or Patience()
        self._witnesses: dict[tuple[Verifier, str], _Witness] = {}
        self._one_at_a_time = threading.Lock()
        self._asked_since_start, self._newest = False, 0
        self._missed = ""
        """Why the last checkpoint is not published; empty if it is."""

    @property
    def trust(self) -> TrustPolicy:
        """The policy in force."""
        return self._trust

    def published(self) -> str | None:
        """Return the newest published checkpoint, if the policy in force accepts it."""
        note = self._ledger.checkpoints.latest_published()
        # One that was published under another policy is to be published again.
        return note if note is not None and _accepts(self._trust.policy, note) else None

    def publish(self, size: int) -> None:
        """Return once a checkpoint that covers the first `size` entries is published.

        After a start all witnesses are asked once, even if nothing is new: they know whether this
        is the ledger that they saw. Raises: CoordinatorUnreachable, QuorumMissed (try again);
        LedgerInconsistent if a witness has seen another history of this ledger, and no quorum can
        do without it, or if one has seen more of it than there is.
        """
        with self._one_at_a_time:
            if self._asked_since_start and not self._ahead() and self._published_size() >= size:
                return
            policy = self._trust.policy
            asked = self._ask(policy, policy.witnesses, lambda note: _accepts(policy, note))
            try:
                self._judge(self._trust, asked)
            except QuorumMissed as e:
                self._missed = str(e)
                raise
            self._missed, self._asked_since_start = "", True

    def vouched(self, size: int) -> str:
        """Return a checkpoint that covers the first `size` entries and that the coordinator has
        cosigned: the least that the other party of a run accepts. For emergencies.

        Raises: CoordinatorUnreachable (try again); LedgerInconsistent if any witness of the policy
        has raised an alarm.
        """
        with self._one_at_a_time:
            trust = self._trust
            asked = self._ask(trust.policy, trust.policy.witnesses, self._is_vouched)
            alarmed = {name: view for name, view in self.views().items() if view.alarm}
            if alarmed:
                raise LedgerInconsistent(alarms_in_words(alarmed))
            note = self._ledger.checkpoints.cosigned(asked.size)
            if asked.size < size or not self._is_vouched(note):
                raise CoordinatorUnreachable("its witness does not answer")
            return note

    def adopt(
        self,
        text: str,
        despite: Collection[str] = (),
        by: str = "administrator",
        if_weaker: Callable[[], None] = lambda: None,
    ) -> None:
        """Check another policy, try it, and put it in force if it publishes the ledger as it is.

        A witness that raises an alarm is left out only if `despite` names it. `if_weaker` is
        called, and may refuse, if the policy leaves out a witness or asks for less. Raises:
        PolicyUnusable; LedgerInconsistent; DiskFull; then the old policy stays in force.
        """
        with self._one_at_a_time:
            before = self._trust
            trust = trust_policy.check(text, self._log, before.policy.witnesses[before.coordinator])
            less = weaker(before.policy, trust.policy)
            if less:
                if_weaker()
            left_out = {
                name: key
                for name, key in before.policy.witnesses.items()
                if key not in trust.policy.witnesses.values()
            }
            self._ask(before.policy, left_out, lambda _note: False)
            self._require_no_alarm(left_out, despite)
            asked = self._ask(trust.policy, trust.policy.witnesses, lambda _note: False)
            try:
                self._judge(trust, asked)
            except (QuorumMissed, CoordinatorUnreachable) as e:
                raise PolicyUnusable(
                    f"its quorum is not reached now: {self._told(trust.policy, asked)}",
                    hint="put the witnesses right, then set the policy again",
                ) from e
            what = (
                f"{len(trust.policy.witnesses)} witnesses, {len(left_out)} left out,"
                f" {'weaker' if less else 'not weaker'} than before"
            )
            self._keep(trust, by, what)
            self._trust, self._missed, self._asked_since_start = trust, "", True
        log.info("policy-adopted", witnesses=len(trust.policy.witnesses), left_out=len(left_out))

    def views(self) -> dict[str, View]:
        """Return what each witness of the policy said last, by its name there."""
        return self._memory.of_all(self._trust.policy.witnesses)

    def alarms(self) -> list[WitnessAlarmRow]:
        """Return the evidence of every alarm there was, oldest first."""
        return self._memory.alarms()

    def require_well(self) -> None:
        """Return if no witness has raised an alarm and the last checkpoint found its quorum.

        Raises: LedgerInconsistent, QuorumMissed.
        """
        alarmed = {name: view for name, view in self.views().items() if view.alarm}
        if alarmed:
            raise LedgerInconsistent(alarms_in_words(alarmed))
        if self._missed:
            raise QuorumMissed(self._missed)

    def close(self) -> None:
        """Drop all connections; who is still waited for counts as silent."""
        for witness in list(self._witnesses.values()):
            witness.endpoint.close()

    # -- one round -----------------------------------------------------------------------------

    def _ask(self, policy: Policy, names: Collection[str], enough: Callable[[str], bool]) -> _Round:
        """Show witnesses the newest checkpoint; wait for all, or until its note is enough."""
        note = self._ledger.checkpoint()
        asked = _Round(note, checkpoint_of(note).size)
        self._newest = asked.size

        def ask_one(name: str, witness: _Witness) -> bool:
            asked.said[name] = self._hear(name, witness, asked)
            return asked.said[name] is Said.AHEAD

        tasks = {}
        for name in names:
            witness = self._witness(policy, name)
            if witness is not None:
                tasks[name] = functools.partial(ask_one, name, witness)
        gather(tasks, lambda: enough(self._ledger.checkpoints.cosigned(asked.size)), self._patience)
        return _Round(note, asked.size, dict(asked.said))  # who comes later changes it no more

    def _hear(self, name: str, witness: _Witness, asked: _Round) -> Said:
        """Ask one witness and keep what it says; also when nobody waits for it any more."""
        if not witness.busy.acquire(blocking=False):
            return Said.NOT_YET
        try:
            if asked.size < self._newest:
                return Said.NOT_YET  # it has come to nothing, and a newer one is on its way
            answer = ask(
                witness.endpoint,
                witness.key,
                self._log,
                asked.note,
                self._memory.of(witness.key).seen,
                self._ledger.consistency_proof,
                lambda: self._ledger.head()[0],
            )
            if answer.cosignatures:
                self._ledger.checkpoints.add_cosignatures(asked.size, answer.cosignatures)
            self._memory.remember(witness.key, answer, asked.size, asked.note)
        finally:
            witness.busy.release()
        if answer.said in ALARMS:
            log.error("witness-alarm", witness=name, kind=answer.said.value, detail=answer.detail)
        return answer.said

    def _judge(self, trust: TrustPolicy, asked: _Round) -> None:
        """Publish the checkpoint, or say why it is not."""
        policy = trust.policy
        views = self._memory.of_all(policy.witnesses)
        ahead = {name: view for name, view in views.items() if view.alarm == Said.AHEAD}
        if ahead:
            raise LedgerInconsistent(
                f"{alarms_in_words(ahead)}:"
                " an old backup was restored, or another process writes to a copy"
            )
        try:
            self._ledger.checkpoints.publish(asked.size, policy)
        except BadSignature:
            raise self._why_not(trust, asked, views) from None

    def _why_not(
        self, trust: TrustPolicy, asked: _Round, views: Mapping[str, View]
    ) -> LedgerInconsistent | NodeError:
        policy = trust.policy
        refused = {n: view for n, view in views.items() if asked.said.get(n) is Said.REFUSED}
        if not policy.reached_by(policy.witnesses.keys() - refused.keys()):
            return LedgerInconsistent(alarms_in_words(refused))
        if asked.said.get(trust.coordinator) is Said.NO_ANSWER:
            return CoordinatorUnreachable("its witness does not answer")
        return QuorumMissed(self._told(policy, asked))

    def _require_no_alarm(self, left_out: Mapping[str, Verifier], despite: Collection[str]) -> None:
        views = self._memory.of_all(left_out)
        alarmed = {n: view for n, view in views.items() if view.alarm and n not in despite}
        if alarmed:
            raise PolicyUnusable(
                f"it leaves out a witness that has raised an alarm: {alarms_in_words(alarmed)}",
                hint="find out who is right; then repeat it with "
                + " ".join(f"--despite {name}" for name in alarmed),
            )

    # -- looking -------------------------------------------------------------------------------

    def _ahead(self) -> bool:
        return any(view.alarm == Said.AHEAD for view in self.views().values())

    def _is_vouched(self, note: str) -> bool:
        coordinator = self._trust.policy.witnesses[self._trust.coordinator]
        try:
            open_checkpoint(note, self._log, [coordinator], 1)
        except ConsentError:
            return False
        return True

    def _published_size(self) -> int:
        note = self.published()
        return 0 if note is None else checkpoint_of(note).size

    def _witness(self, policy: Policy, name: str) -> _Witness | None:
        """Return a witness of a policy, the same for every policy that has it; None if there is
        no way to it.
        """
        key, url = policy.witnesses[name], policy.urls.get(name, "")
        if (key, url) not in self._witnesses:
            endpoint = self._connect(key, url)
            if endpoint is None:
                return None
            self._witnesses[key, url] = _Witness(key, endpoint)
        return self._witnesses[key, url]

    def _told(self, policy: Policy, asked: _Round) -> str:
        """Return in words what each witness said in this round."""
        views = self._memory.of_all(policy.witnesses)
        return "; ".join(
            f"{name} {_in_words(asked.said.get(name, Said.NOT_YET), views[name])}"
            for name in policy.witnesses
        )


def alarms_in_words(alarmed: Mapping[str, View]) -> str:
    """Return which alarm each of these witnesses has raised."""
    return "; ".join(
        f"{name} {_in_words(Said(view.alarm), view)}" for name, view in alarmed.items()
    )


def _in_words(said: Said, view: View) -> str:
    detail = f" ({view.detail})" if view.detail and view.said == said else ""
    return SENTENCES[said] + detail


def _accepts(policy: Policy, note: str) -> bool:
    try:
        policy.open(note)
    except ConsentError:
        return False
    return True
