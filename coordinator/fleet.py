"""The way of nodes to the SuperLink: ten calls of Flower's Fleet API, passed on, and nothing else.

The SuperLink listens on loopback, because two of its three interfaces ask nobody who they are. What
is passed on it authenticates itself, by the key that a party registered under its own signature.
Flower is loaded only where `superlink_port` is set.
"""

import asyncio
import logging
import secrets
import ssl
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

import httpx2

from coordinator.errors import FlowerUnavailable
from coordinator.settings import Settings

if TYPE_CHECKING:
    from coordinator.federated.superlink import SuperLink
    from coordinator.federated.training import Line

CALLS = frozenset(
    {
        "activate-node",
        "confirm-message-received",
        "deactivate-node",
        "get-fab",
        "get-run",
        "pull-messages",
        "pull-object",
        "push-messages",
        "push-object",
        "send-node-heartbeat",
    }
)
"""All but registering and unregistering: that is the coordinator's."""

logging.getLogger("httpx2").setLevel(logging.WARNING)  # it would log each call

_FORWARDED = ("content-type", "accept", "flwr-")
_ANSWER_SECONDS = 30


class Fleet:
    """The SuperLink of a coordinator, if it has one."""

    def __init__(self) -> None:
        self._running: SuperLink | None = None
        self._http: httpx2.AsyncClient | None = None

    async def start(self, settings: Settings, clock: Callable[[], int]) -> None:
        """Start the SuperLink where the settings ask for one. Raises: FlowerUnavailable."""
        if not settings.superlink_port:
            return
        from coordinator.federated import superlink  # Flower takes a second and 80 MB to load

        self._running = await asyncio.to_thread(
            superlink.start,
            settings.federated_folder,
            settings.superlink_port,
            secrets.token_bytes,
            clock(),
        )
        trust = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        trust.load_verify_locations(cadata=self._running.shared.certificate.decode())
        self._http = httpx2.AsyncClient(
            base_url=f"https://{self._running.link.address}",
            verify=trust,
            timeout=_ANSWER_SECONDS,
            trust_env=False,
        )

    async def stop(self) -> None:
        """Stop the SuperLink, if there is one."""
        if self._http is not None:
            await self._http.aclose()
        if self._running is not None:
            await asyncio.to_thread(self._running.stop)
        self._http = self._running = None

    @property
    def superlink(self) -> "SuperLink":
        """The running SuperLink. Raises: FlowerUnavailable."""
        if self._running is None:
            raise FlowerUnavailable("federated training is switched off here")
        return self._running

    def open_run(self) -> "AbstractContextManager[Line]":
        """Return a way to the nodes of partners, through Flower. Raises: FlowerUnavailable."""
        return self.superlink.link.run()

    async def register(self, party: str, public_key: bytes) -> None:
        """Let that key be the one of the party's SuperNode.

        Raises: FlowerUnavailable, NodeKeyRefused.
        """
        await asyncio.to_thread(self.superlink.link.register, party, public_key)

    async def forward(
        self, call: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[int, str, bytes]:
        """Pass a call on; return status, media type and body. Raises: FlowerUnavailable."""
        if self._http is None:
            raise FlowerUnavailable("federated training is switched off here")
        kept = {name: value for name, value in headers.items() if name.startswith(_FORWARDED)}
        try:
            response = await self._http.post(f"/v1/fleet/{call}", content=body, headers=kept)
        except httpx2.TransportError as e:
            raise FlowerUnavailable("its SuperLink does not answer") from e
        media = response.headers.get("content-type", "application/octet-stream")
        return response.status_code, media, response.content
