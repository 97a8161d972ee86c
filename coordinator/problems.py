"""Errors as HTTP: the only file that knows status codes of refusals (RFC 9457).

A problem has the type `urn:accord:error:<code>`, a title, and often a detail and a hint. An error
that nobody foresaw becomes `internal` with an id and nothing else; the log has the rest under it.
"""

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException

from coordinator import errors, wire
from protocols.errors import MalformedMessage

URN = "urn:accord:error:"
MEDIA_TYPE = "application/problem+json"

STATUS: dict[type[Exception], HTTPStatus] = {
    errors.UnknownParty: HTTPStatus.UNAUTHORIZED,
    errors.BadRequestSignature: HTTPStatus.UNAUTHORIZED,
    errors.ClockSkew: HTTPStatus.UNAUTHORIZED,
    errors.InvitationUnknown: HTTPStatus.FORBIDDEN,
    errors.InvitationExpired: HTTPStatus.FORBIDDEN,
    errors.InvitationUsed: HTTPStatus.CONFLICT,
    errors.EnrolmentRefused: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.PartyExists: HTTPStatus.CONFLICT,
    errors.NoSuchParty: HTTPStatus.NOT_FOUND,
    errors.MalformedRequest: HTTPStatus.UNPROCESSABLE_ENTITY,
    MalformedMessage: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.RequestTooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    errors.EnvelopeTooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    errors.TooBusy: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.TooManyWaits: HTTPStatus.TOO_MANY_REQUESTS,
    errors.FlowerUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.NodeKeyRefused: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.TrainingRefused: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.BadSignature: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.UnknownCollaboration: HTTPStatus.NOT_FOUND,
    errors.CollaborationConflict: HTTPStatus.CONFLICT,
    errors.CollaborationRefused: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.TooManyProposals: HTTPStatus.TOO_MANY_REQUESTS,
    errors.CollaborationNotInForce: HTTPStatus.CONFLICT,
    errors.UnknownJob: HTTPStatus.NOT_FOUND,
    errors.JobConflict: HTTPStatus.CONFLICT,
    errors.JobNotPermitted: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.TooManyOpenJobs: HTTPStatus.TOO_MANY_REQUESTS,
    errors.IllegalJobEvent: HTTPStatus.CONFLICT,
    errors.NotYourEvent: HTTPStatus.FORBIDDEN,
    errors.AcceptanceRefused: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.NotYourMailbox: HTTPStatus.FORBIDDEN,
    errors.MisroutedEnvelope: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.StepConflict: HTTPStatus.CONFLICT,
    errors.StepOutOfOrder: HTTPStatus.CONFLICT,
    errors.MailboxFull: HTTPStatus.TOO_MANY_REQUESTS,
    errors.MailboxClosed: HTTPStatus.CONFLICT,
    errors.UnknownMessage: HTTPStatus.NOT_FOUND,
    errors.MessageAcknowledged: HTTPStatus.GONE,
    errors.ReceiptConflict: HTTPStatus.CONFLICT,
    errors.ReceiptRefused: HTTPStatus.UNPROCESSABLE_ENTITY,
    errors.UnknownReceipt: HTTPStatus.NOT_FOUND,
    errors.UnknownRoute: HTTPStatus.NOT_FOUND,
    errors.MethodNotAllowed: HTTPStatus.METHOD_NOT_ALLOWED,
    errors.DatabaseUnavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    errors.Internal: HTTPStatus.INTERNAL_SERVER_ERROR,
}
"""Every refusal of the wire; `docs/spec/relay.md` has a row for each."""

WITNESS_MALFORMED = HTTPStatus.BAD_REQUEST
"""The witness's answers are plain text, as C2SP has them; `consent.witness` decides the others."""
WITNESS_NO_CHECKPOINT = HTTPStatus.NOT_FOUND


def respond(error: errors.CoordinatorError | MalformedMessage) -> Response:
    """Return the problem document of an error."""
    status = STATUS[type(error)]
    extensions: dict[str, Any] = {}
    if isinstance(error, MalformedMessage):
        title, detail, hint = (error.__doc__ or "").strip(), str(error), ""
    else:
        title, detail, hint = error.title(), error.detail, error.hint
        extensions = error.extensions
    problem = wire.Problem(
        type=URN + error.code, title=title, status=status, detail=detail, hint=hint, **extensions
    )
    headers = {}
    if status is HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Accord-Signature"
    if isinstance(error, errors.CoordinatorError) and error.retry_after_seconds:
        headers["Retry-After"] = str(error.retry_after_seconds)
    return Response(problem.model_dump_json(), status, headers, MEDIA_TYPE)


def internal(error_id: str) -> Response:
    """Return the answer to an error that nobody foresaw."""
    return respond(errors.Internal(id=error_id))


def install(app: FastAPI) -> None:
    """Let the application answer every error with a problem."""
    app.add_exception_handler(errors.CoordinatorError, _refused)
    app.add_exception_handler(MalformedMessage, _refused)
    app.add_exception_handler(RequestValidationError, _malformed)
    app.add_exception_handler(OperationalError, _unavailable)
    app.add_exception_handler(PoolTimeout, _unavailable)
    app.add_exception_handler(HTTPException, _http)


def _refused(_request: Request, error: Exception) -> Response:
    assert isinstance(error, errors.CoordinatorError | MalformedMessage)
    return respond(error)


def _malformed(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    places = [".".join(str(part) for part in found["loc"]) for found in error.errors()[:5]]
    return respond(errors.MalformedRequest(f"wrong or missing: {', '.join(places)}"))


def _unavailable(_request: Request, _error: Exception) -> Response:
    return respond(errors.DatabaseUnavailable())


def _http(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        answer = respond(errors.MethodNotAllowed())
        answer.headers.update(error.headers or {})
        return answer
    if error.status_code == HTTPStatus.NOT_FOUND:
        return respond(errors.UnknownRoute())
    return respond(errors.MalformedRequest())
