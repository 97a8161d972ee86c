"""Under which names a node may be called: a page of somebody else's must not read its pages.

A browser that was tricked into taking this node's address for `evil.example` (DNS rebinding) sends
that name along. So a name must be known: loopback's, the one that the node listens at, those of the
setting `public_hosts`. An address of numbers is no name: nobody can point it elsewhere.
"""

import ipaddress
import re
from urllib.parse import urlsplit

_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?", re.ASCII)
_LOOPBACK = "localhost"


def hosts_of(text: str) -> frozenset[str]:
    """Return the names of a comma-separated setting. Raises: ValueError."""
    found = frozenset(part.strip().lower() for part in text.split(",") if part.strip())
    if not all(_NAME.fullmatch(name) for name in found):
        raise ValueError("write names of hosts, without a scheme and without a port")
    return found


def is_ours(header: str, names: frozenset[str]) -> bool:
    """Tell whether a Host header names this node."""
    try:
        parts = urlsplit(f"//{header}")
        host, _port = parts.hostname, parts.port
    except ValueError:
        return False
    if not host or parts.netloc != header or "@" in header:
        return False
    if host in names or host == _LOOPBACK:
        return True
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
