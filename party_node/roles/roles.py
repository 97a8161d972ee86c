"""The people in roles: added, known again by their tokens, revoked.

All of them fit into memory, and who calls is compared with every one in constant time: how long the
answer takes says nothing about any token. A change is an entry of the ledger.
"""

import hmac
from collections.abc import Sequence
from typing import Protocol

from sqlalchemy import delete, select
from sqlmodel import Session, col

from consent.milestones import OperatorAction
from party_node.errors import IllegalState, NotFound
from party_node.ledger.consent_ledger import ConsentLedger
from party_node.roles.callers import Caller, Proven
from party_node.roles.errors import HoldStranded, RoleTaken, TwoRolesNeeded
from party_node.roles.tables import RoleRow
from party_node.roles.tokens import RoleToken, StaffRole
from protocols.codec import encode
from protocols.session import Rng

GRANTED = (StaffRole.OPERATOR, StaffRole.COMPLIANCE)
"""Roles that people are given; the administrator's comes with the node."""


class Sealed(Protocol):
    """What is sealed to people in roles (`erasure/holds.py`)."""

    def share(self, session: Session, giver: Proven, name: str, public: bytes) -> None:
        """Seal what the giver can open to a new person too."""

    def stranded_without(self, session: Session, name: str) -> int:
        """Return how much nobody could open any more without this person."""

    def drop(self, session: Session, name: str) -> None:
        """Delete what is sealed to this person."""


class Roles:
    """The roles of one node. Safe to use from several threads."""

    def __init__(self, ledger: ConsentLedger, sealed: Sealed, rng: Rng) -> None:
        self._ledger, self._sealed, self._rng = ledger, sealed, rng
        self._known = self._load()

    def add(self, name: str, role: StaffRole, by: Caller, sharing: Proven | None = None) -> str:
        """Put somebody in a role and return their token, which nobody can show again.

        With `sharing`, somebody of the same role, they can open what that person can.
        Raises: RoleTaken; IllegalState for a role that is not given.
        """
        if role not in GRANTED:
            raise IllegalState("the administrator's token comes with the node and is not given")
        if sharing is not None and sharing.role is not role:
            raise IllegalState(f"who shares must have the role {role.value} too")
        token = RoleToken.draw(role, self._rng)
        public = encode(token.keys(name).public())

        def keep(session: Session, indices: list[int]) -> None:
            session.add(
                RoleRow(
                    name=name,
                    role=role.value,
                    digest=token.digest(),
                    public=public,
                    added_ms=self._ledger.now(),
                    added_by=by.words,
                    entry=indices[0],
                )
            )
            if sharing is not None:
                self._sealed.share(session, sharing, name, public)

        with self._ledger.hold():
            if any(caller.name == name for _, caller in self._known):
                raise RoleTaken
            shared = "" if sharing is None else f", opens what {sharing.words} opens"
            said = self._said("role-added", by, f"{role.value}:{name}{shared}")
            self._ledger.append([said], also=keep)
            self._known = self._load()
        return token.text

    def revoke(self, name: str, by: Caller, *, strand_holds: bool = False) -> Caller:
        """Take somebody's role; their token is worth nothing from now on.

        Raises: NotFound; HoldStranded if nobody could open some holds any more.
        """

        def forget(session: Session, _indices: list[int]) -> None:
            self._sealed.drop(session, name)
            session.execute(delete(RoleRow).where(col(RoleRow.name) == name))

        with self._ledger.hold():
            found = next((caller for _, caller in self._known if caller.name == name), None)
            if found is None:
                raise NotFound(f"nobody called {name} has a role")
            with self._ledger.database.reading() as session:
                stranded = self._sealed.stranded_without(session, name)
            if stranded and not strand_holds:
                raise HoldStranded(f"{stranded} holds could not be opened by anybody any more")
            self._ledger.append([self._said("role-revoked", by, found.words)], also=forget)
            self._known = self._load()
        return found

    def listed(self) -> Sequence[RoleRow]:
        """Return everybody in a role, by name."""
        with self._ledger.database.reading() as session:
            return session.execute(select(RoleRow).order_by(col(RoleRow.name))).scalars().all()

    def caller(self, text: str) -> Proven | None:
        """Return whose token this is; None if it is nobody's, or was revoked."""
        token = RoleToken.read(text)
        found = self.holder(b"" if token is None else token.digest())
        return None if found is None else Proven(found.role, found.name, token)

    def holder(self, digest: bytes) -> Caller | None:
        """Return whose token has this digest; None if it is nobody's, or was revoked."""
        found = None
        for known, caller in self._known:  # every one is compared, whichever fits
            if hmac.compare_digest(known, digest):
                found = caller
        return found

    def two(self, operator: str, compliance: str) -> tuple[Proven, Proven]:
        """Return an operator and a compliance officer by their tokens.

        Raises: TwoRolesNeeded, without saying which of the two is wrong.
        """
        found = self.caller(operator), self.caller(compliance)
        first, second = found
        if (
            first is None
            or second is None
            or (first.role, second.role) != (StaffRole.OPERATOR, StaffRole.COMPLIANCE)
            or first.name == second.name
        ):
            raise TwoRolesNeeded
        return first, second

    def _said(self, action: str, by: Caller, detail: str) -> OperatorAction:
        return OperatorAction(action=action, by=by.words, at_ms=self._ledger.now(), detail=detail)

    def _load(self) -> tuple[tuple[bytes, Caller], ...]:
        return tuple((r.digest, Caller(StaffRole(r.role), r.name)) for r in self.listed())
