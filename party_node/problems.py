"""Errors as HTTP: the only file of the node that knows status codes of refusals (RFC 9457).

A problem has the type `urn:accord:error:<code>`, a title, often a detail and a hint. An error that
nobody foresaw becomes `internal` with an id and nothing else; the log has the rest under that id.
"""

import inspect
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from consent.errors import (
    BadSignature,
    ConsentError,
    LedgerInconsistent,
    MalformedRecord,
    UnknownPurpose,
)
from coordinator.wire import Problem
from party_node import errors, surface_errors
from party_node.capture import errors as capture_errors
from party_node.hints import hint_for
from party_node.policy import errors as policy_errors
from party_node.requests import errors as request_errors
from party_node.roles import errors as role_errors
from party_node.statistics import errors as statistics_errors
from party_node.webhooks import errors as webhook_errors
from party_node.workers import errors as worker_errors
from protocols.errors import DisclosureError, LocalError, PeerError, ProtocolError

URN = "urn:accord:error:"
MEDIA_TYPE = "application/problem+json"

Refusal = errors.NodeError | ProtocolError | DisclosureError | ConsentError
"""Everything that is refused on purpose."""

STATUS: dict[type[Exception], HTTPStatus] = {
    errors.NotFound: HTTPStatus.NOT_FOUND,
    errors.UnknownDataset: HTTPStatus.NOT_FOUND,
    errors.UnknownCollaboration: HTTPStatus.NOT_FOUND,
    errors.IllegalState: HTTPStatus.CONFLICT,
    errors.NotRenewable: HTTPStatus.CONFLICT,
    errors.NotPublished: HTTPStatus.CONFLICT,
    errors.IdempotencyConflict: HTTPStatus.CONFLICT,
    errors.DatasetChanged: HTTPStatus.CONFLICT,
    errors.ExpiredCollaboration: HTTPStatus.CONFLICT,
    errors.ScoringNotAgreed: HTTPStatus.CONFLICT,
    errors.WrongKey: HTTPStatus.CONFLICT,
    policy_errors.PurposeInUse: HTTPStatus.CONFLICT,
    policy_errors.NoticeConflict: HTTPStatus.CONFLICT,
    errors.LedgerMoved: HTTPStatus.CONFLICT,
    errors.CoordinatorRefused: HTTPStatus.CONFLICT,
    errors.PermissionRefused: HTTPStatus.FORBIDDEN,
    errors.PermissionExpired: HTTPStatus.FORBIDDEN,
    errors.CoordinatorUnreachable: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.ClockSkewed: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.QuorumMissed: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.DatabaseUnreachable: HTTPStatus.SERVICE_UNAVAILABLE,
    capture_errors.ImportInterrupted: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.CheckInterrupted: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.DiskFull: HTTPStatus.INSUFFICIENT_STORAGE,
    errors.LedgerForked: HTTPStatus.INTERNAL_SERVER_ERROR,
    errors.LedgerDamaged: HTTPStatus.INTERNAL_SERVER_ERROR,
    errors.SealBroken: HTTPStatus.INTERNAL_SERVER_ERROR,
    statistics_errors.UnknownRelease: HTTPStatus.NOT_FOUND,
    statistics_errors.PeopleChanging: HTTPStatus.CONFLICT,
    webhook_errors.WebhookExists: HTTPStatus.CONFLICT,
    webhook_errors.WebhookOvertaken: HTTPStatus.CONFLICT,
    request_errors.StepNotPossible: HTTPStatus.CONFLICT,
    worker_errors.WorkerLost: HTTPStatus.SERVICE_UNAVAILABLE,
    worker_errors.WorkersUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    role_errors.RoleTaken: HTTPStatus.CONFLICT,
    role_errors.HoldStranded: HTTPStatus.CONFLICT,
    role_errors.NobodyInRole: HTTPStatus.CONFLICT,
    role_errors.NotYourRole: HTTPStatus.FORBIDDEN,
    role_errors.TwoRolesNeeded: HTTPStatus.FORBIDDEN,
    surface_errors.Unauthorised: HTTPStatus.UNAUTHORIZED,
    surface_errors.RequestTooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    surface_errors.UnknownRoute: HTTPStatus.NOT_FOUND,
    surface_errors.MethodNotAllowed: HTTPStatus.METHOD_NOT_ALLOWED,
    surface_errors.ForeignOrigin: HTTPStatus.FORBIDDEN,
    surface_errors.UnknownHost: HTTPStatus.MISDIRECTED_REQUEST,
    surface_errors.Internal: HTTPStatus.INTERNAL_SERVER_ERROR,
    surface_errors.WireMismatch: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.NodeError: HTTPStatus.UNPROCESSABLE_ENTITY,
    UnknownPurpose: HTTPStatus.UNPROCESSABLE_ENTITY,
    MalformedRecord: HTTPStatus.UNPROCESSABLE_ENTITY,
    LedgerInconsistent: HTTPStatus.INTERNAL_SERVER_ERROR,
    BadSignature: HTTPStatus.INTERNAL_SERVER_ERROR,
    ConsentError: HTTPStatus.FORBIDDEN,
    DisclosureError: HTTPStatus.FORBIDDEN,
    PeerError: HTTPStatus.BAD_GATEWAY,
    LocalError: HTTPStatus.UNPROCESSABLE_ENTITY,
    ProtocolError: HTTPStatus.INTERNAL_SERVER_ERROR,
}
"""A class answers for its subclasses, unless they have a line of their own."""


def status_of(kind: type[Exception]) -> HTTPStatus:
    """Return the status of an error class, by its nearest base in the table."""
    return next(STATUS[base] for base in kind.__mro__ if base in STATUS)


def problem_of(error: Refusal, **extensions: Any) -> Problem:
    """Return the problem document of an error."""
    title = (inspect.getdoc(type(error)) or "").split("\n", 1)[0].removesuffix(".")
    detail = str(error)
    return Problem(
        type=URN + error.code,
        title=title,
        status=status_of(type(error)),
        detail="" if detail == title else detail,
        hint=hint_for(error),
        **_reason(error),
        **extensions,
    )


def respond(error: Refusal, **extensions: Any) -> Response:
    """Return an error as an HTTP answer."""
    problem = problem_of(error, **extensions)
    headers = {}
    if problem.status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = 'Bearer realm="accord"'
    return Response(problem.model_dump_json(), problem.status, headers, MEDIA_TYPE)


def internal(error_id: str) -> Response:
    """Return the answer to an error that nobody foresaw."""
    return respond(surface_errors.Internal(), id=error_id)


def install(app: FastAPI) -> None:
    """Let the application answer every error with a problem."""
    for kind in (errors.NodeError, ProtocolError, DisclosureError, ConsentError):
        app.add_exception_handler(kind, _refused)
    app.add_exception_handler(RequestValidationError, _malformed)
    app.add_exception_handler(HTTPException, _http)


def _reason(error: Refusal) -> dict[str, str]:
    """The coordinator's own code stands beside ours."""
    return {"reason": error.reason} if isinstance(error, errors.CoordinatorRefused) else {}


def _refused(_request: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)
    return respond(error)


def _malformed(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    # Places and rules only: the input may hold an identifier.
    wrong = [
        f"{'.'.join(str(part) for part in found['loc'])}: {found['msg'].lower()}"
        for found in error.errors()[:5]
    ]
    return respond(surface_errors.MalformedRequest("; ".join(wrong)))


def _http(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        answer = respond(surface_errors.MethodNotAllowed())
        answer.headers.update(error.headers or {})
        return answer
    if error.status_code == HTTPStatus.NOT_FOUND:
        return respond(surface_errors.UnknownRoute())
    return respond(surface_errors.MalformedRequest())
