"""Random walks through the lives of several people's requests, against a plain model of them."""

import dataclasses
import itertools
import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from consent.requests import RequestStatus, RequestType, SubjectRequest
from party_node.ledger.fsck import fsck
from party_node.requests.errors import StepNotPossible
from tests.support.depth import examples
from tests.support.desk import ANNA, BO, BY, DAY_MS, Desk, open_desk
from tests.support.node import open_storage

"""Where a commit does not wait for a disk."""
PEOPLE = (ANNA, BO, "nobody@x.example")
HANDED_OVER = (RequestType.ACCESS, RequestType.PORT, RequestType.EXPLAIN_DECISION)


@dataclasses.dataclass
class Model:
    """What a request should be."""

    kind: RequestType
    person: str
    due_ms: int
    steps: list[str] = dataclasses.field(default_factory=lambda: ["received"])
    done: bool = False
    """This node did its part, where that comes before completing."""

    @property
    def verified(self) -> bool:
        return "verified" in self.steps

    @property
    def ended(self) -> bool:
        return self.steps[-1] in ("refused", "completed", "cancelled")


class Walks(RuleBasedStateMachine):
    """Opens, verifies, extends, erases, completes … in any order, and restarts now and then."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory(prefix="walks-")
        self.models: dict[str, Model] = {}
        self.erased: set[str] = set()
        self.names = itertools.count()

    @initialize()
    def start(self) -> None:
        self.node = open_storage(Path(self.folder.name))
        self.desk: Desk = open_desk(self.node)
        for email in (ANNA, BO):
            self.desk.ledger.append([self.node.event(email, email)])

    def teardown(self) -> None:
        if hasattr(self, "desk"):
            assert not fsck(self.desk.ledger, self.node.identity).listed
            self.node.db.close()
        self.folder.cleanup()

    @rule(kind=st.sampled_from(list(RequestType)), person=st.sampled_from(PEOPLE))
    def open(self, kind: RequestType, person: str) -> None:
        if person in self.erased:
            return
        row = self.desk.open(kind, person, f"key-{next(self.names)}")
        self.models[row.request_id] = Model(kind, person, row.due_ms)

    @precondition(lambda self: self.models)
    @rule(pick=st.integers(0, 99), step=st.sampled_from(["verify", "extend", "refuse", "cancel"]))
    def step(self, pick: int, step: str) -> None:
        request, model = self._pick(pick)
        status = {"verify": "verified", "extend": "extended", "refuse": "refused"}.get(
            step, "cancelled"
        )
        possible = not model.ended and status not in model.steps
        possible = possible and (step != "extend" or self._extendable(request))
        requests = self.desk.requests
        take = {
            "verify": lambda: requests.verify(request, "passport", BY),
            "extend": lambda: requests.extend(request, "much to do", 5, BY),
            "refuse": lambda: requests.refuse(request, "not theirs", BY),
            "cancel": lambda: requests.cancel(request, None, BY),
        }[step]
        if self._tried(take, possible=possible):
            model.steps.append(status)
            model.due_ms += 5 * DAY_MS if step == "extend" else 0

    @precondition(lambda self: self.models)
    @rule(pick=st.integers(0, 99))
    def complete(self, pick: int) -> None:
        request, model = self._pick(pick)
        known = self.desk.requests.get(request).subject is not None
        before = model.kind in (*HANDED_OVER, RequestType.ERASE)
        possible = model.verified and not model.ended and (model.done or not (known and before))
        if self._tried(lambda: self.desk.requests.complete(request, [], BY), possible=possible):
            model.steps.append("completed")

    @precondition(lambda self: self.models)
    @rule(pick=st.integers(0, 99))
    def erase(self, pick: int) -> None:
        request, model = self._pick(pick)
        others = any(
            m.person == model.person and not m.ended
            for r, m in self.models.items()
            if r != request and self.desk.requests.get(r).subject is not None
        )
        known = self.desk.requests.get(request).subject is not None
        possible = model.kind is RequestType.ERASE and model.verified and not model.ended
        possible = possible and not (known and others)
        if self._tried(lambda: self.desk.erase(request), possible=possible) and known:
            model.done = True
            self.erased.add(model.person)

    @precondition(lambda self: self.models)
    @rule(pick=st.integers(0, 99))
    def hand_over(self, pick: int) -> None:
        request, model = self._pick(pick)
        if model.kind in HANDED_OVER:
            possible = model.verified and not model.ended
            note = self.desk.fulfilling.note
            if self._tried(lambda: note(request, "export", "exported", BY), possible=possible):
                model.done = True

    @rule(days=st.integers(0, 20))
    def wait(self, days: int) -> None:
        self.node.clock.advance(days * DAY_MS + 1_000)

    @rule()
    def restart(self) -> None:
        self.desk = open_desk(self.node)

    @invariant()
    def rows_are_as_the_model_says(self) -> None:
        for request, model in self.models.items():
            row = self.desk.requests.get(request)
            assert (row.status, row.ended) == (model.steps[-1], model.ended)
            assert (row.verified, row.due_ms) == (model.verified, model.due_ms)
            assert self.desk.requests.overdue(row) == (
                not model.ended and self.desk.ledger.now() > model.due_ms
            )
            if model.person in self.erased:
                assert row.subject is None

    @invariant()
    def the_ledger_tells_the_same_lives(self) -> None:
        told: dict[str, list[str]] = {}
        for entry in self.desk.ledger.entries() if self.models else ():
            if isinstance(entry.record, SubjectRequest):
                told.setdefault(entry.record.request_id, []).append(entry.record.status.value)
        assert told == {request: model.steps for request, model in self.models.items()}
        for steps in told.values():
            assert "completed" not in steps or "verified" in steps
            assert not any(RequestStatus(step).is_final for step in steps[:-1])

    @invariant()
    def open_ones_come_first_and_in_time(self) -> None:
        if self.models:
            rows = self.desk.requests.listed(100, ended_too=True)
            assert [(r.ended, r.due_ms) for r in rows] == sorted((r.ended, r.due_ms) for r in rows)
            assert len(rows) == len(self.models)

    def _pick(self, pick: int) -> tuple[str, Model]:
        request = sorted(self.models)[pick % len(self.models)]
        return request, self.models[request]

    def _extendable(self, request: str) -> bool:
        return self.desk.requests.get(request).regime in ("gdpr", "uk-gdpr")

    def _tried(self, take: object, *, possible: bool) -> bool:
        """Take a step; it must succeed if it is possible, and else change nothing."""
        before = self.desk.ledger.head()
        try:
            take()  # type: ignore[operator]
        except StepNotPossible:
            assert not possible
            assert self.desk.ledger.head() == before
            return False
        assert possible
        return True


TestWalks = Walks.TestCase
TestWalks.settings = settings(max_examples=examples(6), stateful_step_count=25)
