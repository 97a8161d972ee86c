"""The command line's client of a running node: finds it by its home folder, speaks its local API.

It opens neither keys nor database: two small files of the home, `url` and `token`, suffice.
"""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx2

from coordinator.wire import MAX_WAIT_SECONDS, Problem
from party_node.errors import HomeDamaged, HomeMissing
from party_node.plain_http import trusting_nobody
from party_node.surface_errors import NodeNotRunning

_URN = "urn:accord:error:"
_CONNECT_SECONDS = 3
_ANSWER_SECONDS = 600
"""Registering a large file or verifying a long ledger takes its time."""


@dataclasses.dataclass
class Refused(Exception):
    """The node answered with a problem."""

    reason: str
    """Its error code."""
    message: str
    hint: str


class LocalClient:
    """One running node."""

    def __init__(self, url: str, token: str, transport: httpx2.BaseTransport | None = None) -> None:
        """`transport` is for tests."""
        self._http = httpx2.Client(
            base_url=url,
            transport=transport,
            verify=trusting_nobody(),  # a node's own interface is plain HTTP
            headers={"Authorization": f"Bearer {token}"},
            timeout=httpx2.Timeout(_ANSWER_SECONDS + MAX_WAIT_SECONDS, connect=_CONNECT_SECONDS),
            trust_env=False,
        )

    @classmethod
    def of(cls, home: Path) -> "LocalClient":
        """Find the node that serves a home folder.

        Raises: HomeMissing, HomeDamaged, NodeNotRunning.
        """
        if not (home / "node.json").is_file():
            raise HomeMissing(f"{home} holds no node.json")
        try:
            url = (home / "url").read_text(encoding="ascii").strip()
        except OSError as e:
            raise not_running(home) from e
        try:
            token = (home / "token").read_text(encoding="ascii").strip()
        except (OSError, ValueError) as e:
            raise HomeDamaged("token cannot be read") from e
        return cls(url, token)

    def get(self, path: str, **query: Any) -> dict[str, Any]:
        """Read one thing. Raises: Refused, NodeNotRunning."""
        return self._json("GET", path, params=query)

    def list(self, path: str, **query: Any) -> "list[dict[str, Any]]":
        """Read a list. Raises: Refused, NodeNotRunning."""
        found = self._call("GET", path, params=query).json()
        assert isinstance(found, list)
        return found

    def post(
        self,
        path: str,
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """Do something. Raises: Refused, NodeNotRunning."""
        return self._json("POST", path, json=None if body is None else dict(body), headers=headers)

    def put(
        self, path: str, body: Mapping[str, Any], headers: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """Set something. Raises: Refused, NodeNotRunning."""
        return self._json("PUT", path, json=dict(body), headers=headers)

    def delete(self, path: str) -> None:
        """Remove something. Raises: Refused, NodeNotRunning."""
        self._call("DELETE", path)

    def take_away(self, path: str, **query: Any) -> dict[str, Any]:
        """Remove something and hear of it. Raises: Refused, NodeNotRunning."""
        return self._json("DELETE", path, params=query)

    def download(self, path: str, *, method: str = "GET", **query: Any) -> bytes:
        """Read a file. Raises: Refused, NodeNotRunning."""
        return self._call(method, path, params=query).content

    def _json(self, method: str, path: str, **how: Any) -> dict[str, Any]:
        found = self._call(method, path, **how).json()
        assert isinstance(found, dict)
        return found

    def _call(self, method: str, path: str, **how: Any) -> httpx2.Response:
        assert "?" not in path, "what is asked by name replaces a query in the path"
        try:
            response = self._http.request(method, path, **how)
        except httpx2.ConnectError as e:
            raise not_running() from e
        except httpx2.TransportError as e:
            raise NodeNotRunning(
                "the node stopped answering", hint="look at its log; the command can be repeated"
            ) from e
        if response.is_success:
            return response
        raise _refusal(response)


def not_running(home: Path | None = None) -> NodeNotRunning:
    """Return the error for a node that nobody serves."""
    if home is None:
        return NodeNotRunning("nothing answers at the node's address")
    return NodeNotRunning(
        f"no node serves {home}", hint=f"start it with `accord node serve --home {home}`"
    )


def _refusal(response: httpx2.Response) -> Refused:
    try:
        problem = Problem.model_validate_json(response.content)
    except ValueError:
        return Refused("internal", f"the node answered {response.status_code}", "")
    return refused(problem)


def refused(problem: Problem) -> Refused:
    """Return a problem document as an exception."""
    code = problem.type.removeprefix(_URN)
    extra: Mapping[str, Any] = problem.model_extra or {}
    number = f" (id {extra['id']})" if "id" in extra else ""
    return Refused(code, (problem.detail or problem.title) + number, problem.hint)
