"""Signed requests: who calls, proved by the key it enrolled with.

Four things are signed: method, path with query as sent, time, and the SHA-256 of the body. A
request older than five minutes is refused. Inside these minutes a replay does nothing: every
request of the wire is idempotent. What the head alone can prove is checked before the body is read.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, TypeVar

from fastapi import Depends, Request
from pydantic import BaseModel, ValidationError
from sqlalchemy import bindparam
from sqlmodel import Session, col, select
from starlette.concurrency import run_in_threadpool

from coordinator import wire
from coordinator.errors import (
    BadRequestSignature,
    ClockSkew,
    EnvelopeTooLarge,
    MalformedRequest,
    RequestTooLarge,
    UnknownParty,
)
from coordinator.intake import TooLarge
from coordinator.services import services_of
from coordinator.tables import PartyRow
from protocols.codec import decode
from protocols.collaboration_terms import check_name
from protocols.errors import ForgedEnvelope, InvalidParameter
from protocols.keys import PartyPublic

W = TypeVar("W", bound=BaseModel)

_SIGNATURE_BYTES = 64
_KEYS = select(PartyRow.public).where(col(PartyRow.party) == bindparam("party"))
"""Made once: each request asks it, and to make it anew takes as long as to run it."""
_DIGEST = re.compile(r"sha-256=:([A-Za-z0-9+/]{43}=):", re.ASCII)


@dataclass(frozen=True, slots=True)
class Call:
    """An authenticated request: the party with its keys, and the body as sent."""

    public: PartyPublic
    body: bytes
    digest: bytes
    """SHA-256 of the body."""

    @property
    def party(self) -> str:
        """The caller's id."""
        return self.public.party


async def signed_request(request: Request) -> Call:
    """Authenticate a request with a small body.

    Raises: BadRequestSignature, ClockSkew, UnknownParty, RequestTooLarge, TooBusy.
    """
    limit = services_of(request).settings.max_request_bytes
    return await _authenticate(request, limit, RequestTooLarge)


async def signed_envelope(request: Request) -> Call:
    """Authenticate a request whose body is an envelope.

    Raises: BadRequestSignature, ClockSkew, UnknownParty, EnvelopeTooLarge, TooBusy.
    """
    limit = services_of(request).settings.max_envelope_bytes
    return await _authenticate(request, limit, EnvelopeTooLarge)


Caller = Annotated[Call, Depends(signed_request)]
EnvelopeCaller = Annotated[Call, Depends(signed_envelope)]


def body_of(kind: type[W]) -> Callable[[Call], W]:
    """Return a dependency that reads the authenticated body as a `kind`."""

    def read(caller: Caller) -> W:
        return parse(kind, caller.body)

    return read


def parse(kind: type[W], body: bytes) -> W:
    """Read a JSON body.

    Raises: MalformedRequest naming the places that are wrong, without their values.
    """
    try:
        return kind.model_validate_json(body)
    except ValidationError as e:
        found = e.errors(include_input=False, include_url=False, include_context=False)
        places = [".".join(str(part) for part in error["loc"]) or "body" for error in found[:5]]
        raise MalformedRequest(f"wrong or missing: {', '.join(places)}") from None


@dataclass(frozen=True, slots=True)
class _Claim:
    """What the head of a request says."""

    party: str
    time_ms: int
    signature: bytes
    digest: bytes | None
    """SHA-256 of the body that is to come, if the head says it."""


async def _authenticate(request: Request, limit: int, too_large: TooLarge) -> Call:
    services = services_of(request)
    claim = _claim(request)
    _check_time(claim.time_ms, services.clock())
    public = await services.read(lambda session: _enrolled(session, claim.party))
    line = (request.method, target(request), claim.time_ms)
    if claim.digest is not None:
        await run_in_threadpool(_check_signature, public, claim.signature, line, claim.digest)
    body = await services.intake.read(request, limit, too_large, proven=claim.digest is not None)
    digest = await run_in_threadpool(_sha256, body)
    if claim.digest is None:
        await run_in_threadpool(_check_signature, public, claim.signature, line, digest)
    elif claim.digest != digest:
        raise BadRequestSignature(f"the body is not the one of {wire.HEADER_DIGEST}")
    return Call(public, body, digest)


def target(request: Request) -> str:
    """Return path and query as they were sent."""
    raw: bytes = request.scope.get("raw_path") or request.scope["path"].encode()
    query: bytes = request.scope.get("query_string", b"")
    return (raw.split(b"?", 1)[0] + (b"?" + query if query else b"")).decode("latin-1")


def _claim(request: Request) -> _Claim:
    headers = request.headers
    names = (wire.HEADER_PARTY, wire.HEADER_TIME, wire.HEADER_SIGNATURE)
    party, time_ms, signature = (headers.get(name, "") for name in names)
    if not (party and time_ms and signature):
        raise BadRequestSignature(f"the headers {', '.join(names)} are needed")
    if not (time_ms.isascii() and time_ms.isdecimal() and len(time_ms) <= 15):
        raise BadRequestSignature(f"{wire.HEADER_TIME} is milliseconds since 1970, in digits")
    try:
        check_name("a party", party)
    except InvalidParameter as e:
        raise UnknownParty from e
    found = _DIGEST.fullmatch(headers.get(wire.HEADER_DIGEST, ""))
    digest = base64.b64decode(found[1]) if found else None
    return _Claim(party, int(time_ms), _signature(signature), digest)


def _signature(text: str) -> bytes:
    try:
        signature = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as e:
        raise BadRequestSignature(f"{wire.HEADER_SIGNATURE} is not base64") from e
    if len(signature) != _SIGNATURE_BYTES:
        raise BadRequestSignature(f"a signature has {_SIGNATURE_BYTES} bytes")
    return signature


def _sha256(body: bytes) -> bytes:
    return hashlib.sha256(body).digest()


def _check_time(claimed_ms: int, now_ms: int) -> None:
    skew_ms = claimed_ms - now_ms
    if abs(skew_ms) > wire.MAX_CLOCK_SKEW_MS:
        seconds = round(abs(skew_ms) / 1000)
        side = "ahead of" if skew_ms > 0 else "behind"
        raise ClockSkew(
            f"the request's time is {seconds} seconds {side} the coordinator's, "
            f"at most {wire.MAX_CLOCK_SKEW_MS // 1000} are accepted",
            skew_seconds=round(skew_ms / 1000),
            time_ms=now_ms,
        )


def _enrolled(session: Session, party: str) -> PartyPublic:
    public = session.execute(_KEYS, {"party": party}).scalar_one_or_none()
    if public is None:
        raise UnknownParty
    return _public(public)


@lru_cache(1_000)
def _public(encoded: bytes) -> PartyPublic:
    """Read keys once: each request comes with the same ones."""
    return decode(PartyPublic, encoded)


def _check_signature(
    public: PartyPublic, signature: bytes, line: tuple[str, str, int], digest: bytes
) -> None:
    try:
        public.verify(signature, wire.SIGNATURE_LABEL, wire.signing_input_of(*line, digest))
    except ForgedEnvelope as e:
        raise BadRequestSignature from e
