"""Which way leads to which witness: the coordinator's own connection, or the URL in the policy."""

from collections.abc import Callable

from consent.note import Verifier
from party_node.coordinator_client import CoordinatorClient
from party_node.errors import CoordinatorUnreachable
from party_node.ledger.asking import Endpoint, NoAnswer
from party_node.ledger.witness_http import HttpWitness, unusable_because


class CoordinatorWitness:
    """The witness of the coordinator, over the connection that the node has to it anyway."""

    def __init__(self, client: CoordinatorClient) -> None:
        self._client = client

    def add_checkpoint(self, request: bytes) -> tuple[int, str]:
        """Send a request and return status and body.

        Raises: NoAnswer.
        """
        try:
            return self._client.add_checkpoint(request)
        except CoordinatorUnreachable as e:
            raise NoAnswer(str(e)) from e

    def close(self) -> None:
        """Leave the connection to whoever opened it."""


def ways(
    client: CoordinatorClient, coordinator: Verifier
) -> Callable[[Verifier, str], Endpoint | None]:
    """Return what opens the way to a witness by its key and its URL."""

    def connect(key: Verifier, url: str) -> Endpoint | None:
        if key == coordinator:
            return CoordinatorWitness(client)
        return None if not url or unusable_because(url) else HttpWitness(url)

    return connect
