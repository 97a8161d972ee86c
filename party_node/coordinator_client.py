"""The node's only way out: signed HTTP requests to the coordinator.

Every call either returns what the coordinator answered or raises: `CoordinatorUnreachable` when no
answer came (try again later, nothing is lost), `ClockSkewed` when this machine's clock is off, and
`CoordinatorRefused` with the coordinator's own code for everything else. All calls are safe to
repeat.
"""

import base64
import hashlib
import ssl
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpx2
from pydantic import ValidationError

from coordinator import wire
from party_node.errors import (
    ClockSkewed,
    CoordinatorRefused,
    CoordinatorUnreachable,
    InvalidSettings,
)
from party_node.ledger.asking import NoAnswer
from party_node.ledger.witness_http import (
    ANSWER_SECONDS,
    CONNECT_SECONDS,
    MOST_BYTES,
    read_bounded,
)
from party_node.plain_http import trusting_nobody
from protocols.keys import PartyKeys

W = TypeVar("W", bound=wire.Wire)

_CONNECT_SECONDS = 5
_ANSWER_SECONDS = 30
_URN = "urn:accord:error:"


Route = tuple[str, str]
"""Sender and recipient of an envelope."""


class CoordinatorClient:
    """One connection pool to one coordinator; safe to share between threads."""

    def __init__(
        self,
        url: str,
        keys: PartyKeys | None,
        clock_ms: Callable[[], int],
        transport: httpx2.BaseTransport | None = None,
        authority: Path | None = None,
    ) -> None:
        """`keys` may be None for the open calls; `transport` is for tests; `authority` has the
        certificates (PEM) by which the coordinator's is checked, None for the system's.
        """
        self.url = url.rstrip("/")
        self._keys, self._clock_ms = keys, clock_ms
        self._prefix = urlsplit(self.url).path
        self._http = httpx2.Client(
            base_url=self.url,
            transport=transport,
            verify=_trusted(self.url, authority),
            timeout=httpx2.Timeout(
                _ANSWER_SECONDS + wire.MAX_WAIT_SECONDS, connect=_CONNECT_SECONDS
            ),
            trust_env=False,
        )

    def close(self) -> None:
        """Drop all connections; waiting calls end with CoordinatorUnreachable."""
        self._http.close()

    # -- open calls ----------------------------------------------------------------------

    def info(self) -> wire.CoordinatorInfo:
        """Ask who the coordinator is."""
        return self._json(wire.CoordinatorInfo, "GET", "/v1/coordinator", signed=False)

    def enrol(self, enrolment: wire.Enrolment) -> wire.PartyView:
        """Hand in an invitation together with this party's keys."""
        return self._json(wire.PartyView, "POST", "/v1/enrolments", enrolment, signed=False)

    # -- parties and collaborations ------------------------------------------------------

    def party(self, party: str) -> wire.PartyView:
        """Return a party's keys as the coordinator has them."""
        return self._json(wire.PartyView, "GET", f"/v1/parties/{party}")

    def propose(self, collaboration: str, version: int, signed: bytes) -> wire.CollaborationView:
        """Propose a version of a collaboration, with this party's own signature."""
        path = f"/v1/collaborations/{collaboration}/versions/{version}"
        return self._json(
            wire.CollaborationView, "PUT", path, wire.CollaborationProposal(signed=signed)
        )

    def countersign(
        self, collaboration: str, version: int, signed: bytes
    ) -> wire.CollaborationView:
        """Add this party's signature to a proposed version."""
        path = f"/v1/collaborations/{collaboration}/versions/{version}/countersignatures"
        return self._json(
            wire.CollaborationView, "POST", path, wire.Countersignature(signed=signed)
        )

    def collaborations(self) -> list[wire.CollaborationView]:
        """Return every version that names this party."""
        found: list[wire.CollaborationView] = []
        while page := self._list(
            wire.CollaborationView,
            f"/v1/collaborations?after={found[-1].revision if found else 0}&wait=0",
        ):
            found += page
        return found

    # -- jobs ----------------------------------------------------------------------------

    def put_job(self, job: str, signed: bytes) -> wire.JobView:
        """Post a job to the board."""
        return self._json(wire.JobView, "PUT", f"/v1/jobs/{job}", wire.JobProposal(signed=signed))

    def jobs_after(self, revision: int, wait_seconds: int) -> list[wire.JobView]:
        """Return the jobs that changed after `revision`, waiting for one if there is none yet."""
        return self._list(wire.JobView, f"/v1/jobs?after={revision}&wait={wait_seconds}")

    def job(self, job: str) -> wire.JobView:
        """Return one job."""
        return self._json(wire.JobView, "GET", f"/v1/jobs/{job}")

    def say(self, job: str, body: wire.JobEventBody) -> wire.JobView:
        """Report an event of a job."""
        return self._json(wire.JobView, "POST", f"/v1/jobs/{job}/events", body)

    # -- mailbox -------------------------------------------------------------------------

    def put_message(self, job: str, route: Route, step: int, envelope: bytes) -> None:
        """Hand a sealed envelope to the relay; `route` is from whom to whom."""
        self._call("PUT", wire.path_message(job, *route, step), envelope)

    def get_message(self, job: str, route: Route, step: int, wait_seconds: int) -> bytes | None:
        """Return the envelope at that step, or None if it has not come within `wait_seconds`."""
        path = f"{wire.path_message(job, *route, step)}?wait={wait_seconds}"
        response = self._call("GET", path)
        return response.content if response.status_code == httpx2.codes.OK else None

    def acknowledge(self, job: str, route: Route, step: int) -> None:
        """Tell the relay that the envelope is safely here, so that it erases it."""
        self._call("DELETE", wire.path_message(job, *route, step))

    def close_mailbox(self, job: str, outcome: str) -> None:
        """Say that this side is done with the job's mailbox, and how it ended."""
        self._call("POST", f"/v1/jobs/{job}/mailbox/close", _body(wire.CloseBody(outcome=outcome)))

    def file_receipt(self, job: str, filing: wire.ReceiptFiling) -> None:
        """File the run receipt that all parties signed."""
        self._call("PUT", f"/v1/jobs/{job}/receipt", _body(filing))

    # -- federated training --------------------------------------------------------------

    def register_supernode(self, public_key: bytes) -> None:
        """Say with which key (PEM) this party's SuperNode proves itself."""
        body = _body(wire.SuperNodeKey(public_key=public_key))
        self._call("PUT", "/v1/federated/node", body)

    def join_training(self, job: str, run: bytes) -> None:
        """Take part in the training of a job, by this encoded run."""
        self._call("PUT", f"/v1/federated/trainings/{job}", _body(wire.TrainingRun(run=run)))

    def training_ended(self, job: str) -> bytes | None:
        """Return what partners were told at the end of a training, None before."""
        response = self._call("GET", f"/v1/federated/trainings/{job}")
        return response.content if response.status_code == httpx2.codes.OK else None

    # -- witness -------------------------------------------------------------------------

    def add_checkpoint(self, request: bytes) -> tuple[int, str]:
        """Ask the witness to cosign a checkpoint (C2SP tlog-witness); return status and body.

        No more is read than a witness has to say. Raises: CoordinatorUnreachable.
        """
        where, limit = "/witness/add-checkpoint", time.monotonic() + ANSWER_SECONDS
        timeout = httpx2.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS)
        try:
            with self._http.stream("POST", where, content=request, timeout=timeout) as response:
                return response.status_code, read_bounded(response, MOST_BYTES, limit)
        except NoAnswer as e:
            raise CoordinatorUnreachable(f"its witness: {e}") from e
        except (httpx2.TransportError, RuntimeError) as e:
            raise CoordinatorUnreachable(f"no answer from {self.url}") from e

    # -- one request ---------------------------------------------------------------------

    def _json(
        self,
        kind: type[W],
        method: str,
        path: str,
        body: wire.Wire | None = None,
        *,
        signed: bool = True,
    ) -> W:
        response = self._call(method, path, _body(body), signed=signed)
        return _parsed(kind, response.content)

    def _list(self, kind: type[W], path: str) -> list[W]:
        try:
            items = self._call("GET", path).json()
        except ValueError as e:
            raise CoordinatorRefused("wire-mismatch", "the answer is not JSON") from e
        if not isinstance(items, list):
            raise CoordinatorRefused("wire-mismatch", "the answer is not a list")
        return [_validated(kind, item) for item in items]

    def _call(
        self, method: str, path: str, body: bytes = b"", *, signed: bool = True
    ) -> httpx2.Response:
        headers = {
            "Content-Type": "application/json" if body[:1] == b"{" else "application/octet-stream"
        }
        if signed:
            headers |= self._signature(method, self._prefix + path, body)
        response = self._send(method, path, body, headers)
        if response.is_success:
            return response
        raise _refusal(response)

    def _send(
        self, method: str, path: str, body: bytes, headers: dict[str, str]
    ) -> httpx2.Response:
        try:
            return self._http.request(method, path, content=body, headers=headers)
        except (httpx2.TransportError, RuntimeError) as e:
            # RuntimeError: the pool was closed by another thread, at shutdown.
            raise CoordinatorUnreachable(f"no answer from {self.url}") from e

    def _signature(self, method: str, target: str, body: bytes) -> dict[str, str]:
        if self._keys is None:
            raise CoordinatorRefused("unknown-party", "this call needs the party's keys")
        now = self._clock_ms()
        digest = hashlib.sha256(body).digest()  # once: a body may have megabytes
        text = wire.signing_input_of(method, target, now, digest)
        return {
            wire.HEADER_DIGEST: f"sha-256=:{base64.b64encode(digest).decode()}:",
            wire.HEADER_PARTY: self._keys.party,
            wire.HEADER_TIME: str(now),
            wire.HEADER_SIGNATURE: base64.b64encode(
                self._keys.sign(wire.SIGNATURE_LABEL, text)
            ).decode(),
        }


def _trusted(url: str, authority: Path | None) -> ssl.SSLContext | bool:
    if authority is None:
        return trusting_nobody() if url.startswith("http://") else True
    try:
        return ssl.create_default_context(cafile=authority)
    except OSError:
        raise InvalidSettings("coordinator_authority cannot be read as certificates") from None


def _body(body: wire.Wire | None) -> bytes:
    return b"" if body is None else body.model_dump_json().encode()


def _parsed(kind: type[W], data: bytes) -> W:
    try:
        return kind.model_validate_json(data)
    except ValidationError as e:
        raise CoordinatorRefused("wire-mismatch", f"the answer is not a {kind.__name__}") from e


def _validated(kind: type[W], item: Any) -> W:
    try:
        return kind.model_validate(item)
    except ValidationError as e:
        raise CoordinatorRefused("wire-mismatch", f"the answer is not a {kind.__name__}") from e


def _refusal(response: httpx2.Response) -> Exception:
    try:
        problem = wire.Problem.model_validate_json(response.content)
    except ValidationError:
        if response.status_code >= httpx2.codes.INTERNAL_SERVER_ERROR:
            return CoordinatorUnreachable(f"the coordinator answered {response.status_code}")
        return CoordinatorRefused("wire-mismatch", f"unexpected answer {response.status_code}")
    code = problem.type.removeprefix(_URN)
    if code == "clock-skew":
        return ClockSkewed(problem.detail)
    if response.status_code >= httpx2.codes.INTERNAL_SERVER_ERROR:
        return CoordinatorUnreachable(f"the coordinator is not well: {code}")
    return CoordinatorRefused(code, problem.detail or problem.title, hint=problem.hint or None)
