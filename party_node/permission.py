"""The permission that rows are read against: an opaque handle whose facts only this module holds.

`Permission` has no data of its own. What it permits lies in a table here, by the identity of the
handle, so that a copy, a pickle, a subclass or a changed attribute permits nothing. Only
`gate.py` issues permissions; a test keeps it so.
"""

import weakref
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Never, final

from pyroaring import FrozenBitMap
from typing_extensions import override

from party_node.decisions import Price
from party_node.errors import PermissionExpired, PermissionRefused
from protocols.job import LedgerHead


@dataclass(frozen=True, slots=True)
class Grant:
    """What a permission permits, and the ledger entry that proves it."""

    job: str
    job_hash: bytes
    dataset: str
    index_id: str
    """Registration of the dataset that the people were counted in."""
    purpose: str
    recipient: str
    operations: tuple[str, ...]
    channel: str
    requester: str
    asked: int
    """People in the dataset."""
    denied: Mapping[str, int]
    """People who may not be used, by reason."""
    allowed: FrozenBitMap = field(repr=False)
    """Dense numbers of the people who may be used."""
    head: LedgerHead
    """Checkpoint that includes the use record, and the use record's leaf hash."""
    decided_at: int
    """Size of the ledger that the decision was made at."""
    use_entry: int
    """Index of the use record."""
    expires_ms: int
    price: Price | None = None
    """What the use costs of the privacy budget."""


_ISSUED: "weakref.WeakKeyDictionary[Permission, Grant]" = weakref.WeakKeyDictionary()
_TOKEN = object()


@final
class Permission:
    """The right to read certain people's rows of one dataset for one job, for some minutes."""

    __slots__ = ("__weakref__",)

    def __init__(self, token: object) -> None:
        if token is not _TOKEN:
            raise PermissionRefused("a permission is given by the gate, never made")

    @property
    def grant(self) -> Grant:
        """What is permitted.

        Raises: PermissionRefused if this process's gate did not issue it, or has withdrawn it.
        """
        grant = _ISSUED.get(self)
        if grant is None:
            raise PermissionRefused("this permission was not issued here, or is no longer valid")
        return grant

    @property
    def job(self) -> str:
        """The job it was given for."""
        return self.grant.job

    @property
    def dataset(self) -> str:
        """The dataset it was given for."""
        return self.grant.dataset

    @property
    def allowed(self) -> FrozenBitMap:
        """Dense numbers of the people who may be used."""
        return self.grant.allowed

    @property
    def head(self) -> LedgerHead:
        """The checkpoint that includes the use record."""
        return self.grant.head

    @property
    def expires_ms(self) -> int:
        """When it ends."""
        return self.grant.expires_ms

    @override
    def __repr__(self) -> str:
        return "<Permission>"

    def __copy__(self) -> Never:
        raise PermissionRefused("a permission cannot be copied")

    def __deepcopy__(self, _memo: Any) -> Never:
        raise PermissionRefused("a permission cannot be copied")

    @override
    def __reduce_ex__(self, _protocol: Any) -> Never:
        raise PermissionRefused("a permission does not leave its process")

    @override
    def __init_subclass__(cls) -> Never:
        raise PermissionRefused("there is one kind of permission")


def require(permission: Permission, now_ms: int) -> Grant:
    """Return what is permitted now.

    Raises: PermissionRefused, PermissionExpired.
    """
    if type(permission) is not Permission:
        raise PermissionRefused("rows are read only against a permission")
    grant = permission.grant
    if now_ms >= grant.expires_ms:
        raise PermissionExpired
    return grant


def _issue(grant: Grant) -> Permission:
    permission = Permission(_TOKEN)
    _ISSUED[permission] = grant
    return permission


def _withdraw(permission: Permission) -> None:
    _ISSUED.pop(permission, None)
