"""Who calls: the role and the name that a token proves."""

from dataclasses import dataclass, field

from party_node.requests.texts import nameless
from party_node.roles.tokens import RoleToken, StaffRole
from protocols.keys import PartyKeys


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody whose token is known here."""

    role: StaffRole
    name: str = ""
    """Empty for the administrator: the node's own token is nobody's in particular."""

    @property
    def words(self) -> str:
        """How the ledger names them: `compliance:dpo`, or `administrator`."""
        return f"{self.role.value}:{self.name}" if self.name else self.role.value

    def signing(self, stated: str) -> str:
        """How the ledger names them where a request says who it is for.

        A role is proven by its token and overrules what is stated. The node's own token proves
        nobody in particular: with it, the name is only what somebody wrote, and reads so. Raises:
        IdentifierInText if that looks like an e-mail address or a telephone number.
        """
        if self.role is not StaffRole.ADMINISTRATOR:
            return self.words
        return f"person:{nameless(stated)}"


ADMINISTRATOR = Caller(StaffRole.ADMINISTRATOR)


@dataclass(frozen=True, slots=True)
class Proven(Caller):
    """Somebody who has just shown their token: it can open what is sealed to it."""

    token: RoleToken | None = field(default=None, repr=False)

    def keys(self) -> PartyKeys:
        """Return the keys that follow from the token."""
        assert self.token is not None
        return self.token.keys(self.name)
