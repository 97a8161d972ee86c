"""Whom an answer about this party's own people is for: one party by an agreement, or everybody."""

from dataclasses import dataclass

from consent.words import EVERYBODY, SELF
from party_node.accounts import PUBLIC, PUBLIC_DELTA_EXPONENT, Account
from party_node.errors import JobRefused
from party_node.services import Services
from protocols.dp.budget import Rho


@dataclass(frozen=True, slots=True)
class Recipient:
    """Whom a release is for, and what may be spent on them."""

    account: Account
    """Charged towards a party; or towards `PUBLIC`, for everybody."""
    collaboration: str
    """Empty for everybody."""
    limit_nano: int
    delta_exponent: int
    minimum: int

    @property
    def party(self) -> str:
        """A party, or `*` for everybody."""
        return EVERYBODY if self.account.counterparty == PUBLIC else self.account.counterparty

    @property
    def in_consent(self) -> str:
        """The recipient that people's consent must cover."""
        return SELF if self.account.counterparty == PUBLIC else self.account.counterparty


def recipient_of(parts: Services, dataset: str, collaboration: str, to: str) -> Recipient:
    """Return whom statistics about a dataset are for: everybody without a collaboration, else the
    other member or `to`.

    Raises: UnknownCollaboration, ExpiredCollaboration; JobRefused if it has no such member.
    """
    if not collaboration:
        if to:
            raise JobRefused("a release for one party is under a collaboration with it")
        limit = Rho.parse(parts.home.settings.public_rho).nano
        return Recipient(Account(PUBLIC, dataset), "", limit, PUBLIC_DELTA_EXPONENT, 0)
    agreed = parts.collaborations.current(collaboration)
    others = [m.party for m in agreed.members if m.party != parts.home.settings.party]
    if not to and len(others) == 1:
        (to,) = others
    if to not in others:
        raise JobRefused("the collaboration has no such other member")
    limit = parts.collaborations.limit_nano(agreed)
    account = parts.collaborations.account(agreed, to, dataset)
    return Recipient(account, collaboration, limit, agreed.delta_exponent, agreed.minimum_size)
