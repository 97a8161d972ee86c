"""Which addresses the node calls, and which it never does.

A webhook's URL comes from outside the program, and names resolve to whatever their owner likes: so
each address is checked after it was looked up and before it is connected to, every time, and the
connection goes to the address that was checked. Private, loopback, link-local (where clouds keep
their metadata), multicast and reserved addresses are refused, also inside IPv6 addresses that
carry an IPv4 one, unless the operator allows their network.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from urllib.parse import urlsplit

from party_node.webhooks.errors import WebhookUrlRefused

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address

MAX_URL_CHARS = 2_000
_VISIBLE = re.compile(r"[\x21-\x7e]+")
_NAME = re.compile(r"(?=.{1,253}\Z)[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?")
_PORTS = {"https": 443, "http": 80}
_NAT64 = ip_network("64:ff9b::/96")


@dataclass(frozen=True, slots=True)
class Target:
    """Where a webhook is sent."""

    secure: bool
    """https."""
    host: str
    """Name or literal address, without brackets."""
    port: int
    path: str
    """With the query, as it stands in the request line."""
    loopback: bool
    """The operator said that the receiver is on this machine."""

    @property
    def authority(self) -> str:
        """What the header `Host` says."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        usual = _PORTS["https" if self.secure else "http"]
        return host if self.port == usual else f"{host}:{self.port}"


def target_of(url: str, *, loopback: bool) -> Target:
    """Take a URL apart. Raises: WebhookUrlRefused."""
    if len(url) > MAX_URL_CHARS or not _VISIBLE.fullmatch(url) or "\\" in url:
        raise WebhookUrlRefused(
            f"a URL has at most {MAX_URL_CHARS} visible ASCII characters and no backslash"
        )
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise WebhookUrlRefused("this is not a URL") from None
    if parts.scheme not in _PORTS:
        raise WebhookUrlRefused("the URL must begin with https://")
    if "@" in parts.netloc:
        raise WebhookUrlRefused("a URL with a user name or a password in it is not used")
    if parts.fragment or url.endswith("#"):
        raise WebhookUrlRefused("the part of a URL after # is never sent; leave it out")
    secure = parts.scheme == "https"
    if not secure and not loopback:
        raise WebhookUrlRefused(
            "http is for receivers on this machine only", hint="use https, or add --loopback"
        )
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    port = _PORTS[parts.scheme] if port is None else port
    return Target(secure, _host(parts.hostname or ""), _checked_port(port), path, loopback)


def networks_of(text: str) -> tuple[Network, ...]:
    """Read networks, comma-separated: `10.20.0.0/16, fd00::/8`. Raises: ValueError."""
    return tuple(ip_network(part.strip()) for part in text.split(",") if part.strip())


class AddressRules:
    """What one node allows."""

    def __init__(self, allowed: Sequence[Network] = ()) -> None:
        self._allowed = tuple(allowed)

    def require(self, target: Target, found: Sequence[str]) -> None:
        """Return if every address that was found may be called.

        One that may not be refuses all: who can add one to a name could choose among them later.
        Raises: WebhookUrlRefused; the message names no address.
        """
        addresses = [_carried(ip_address(text.partition("%")[0])) for text in found]
        if not addresses:
            raise WebhookUrlRefused("the host has no address")
        if not target.secure:
            if not all(address.is_loopback for address in addresses):
                raise WebhookUrlRefused("http is for receivers on this machine only")
            return
        for address in addresses:
            if not self._permitted(target, address):
                raise WebhookUrlRefused(
                    "the host is in a private, local or reserved network that is not allowed"
                )

    def _permitted(self, target: Target, address: Address) -> bool:
        if address.is_loopback and target.loopback:
            return True
        if any(address in network for network in self._allowed):
            return True
        return _public(address)


def _carried(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 one stands for, or the address itself."""
    if isinstance(address, IPv4Address):
        return address
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address


def _public(address: Address) -> bool:
    odd = address.is_multicast or address.is_reserved
    if isinstance(address, IPv6Address):
        odd = odd or address.is_site_local or address.teredo is not None
    return address.is_global and not odd


def _host(host: str) -> str:
    if ":" in host:
        try:
            address = IPv6Address(host)
        except ValueError:
            raise WebhookUrlRefused("the host is not an IPv6 address") from None
        if address.scope_id is not None:
            raise WebhookUrlRefused("an address with a zone is not called")
        return str(address)
    if not _NAME.fullmatch(host):
        raise WebhookUrlRefused("the host is no name of letters, digits, dots and hyphens")
    return host


def _checked_port(port: int) -> int:
    if not port:
        raise WebhookUrlRefused("a port is 1 to 65535")
    return port
