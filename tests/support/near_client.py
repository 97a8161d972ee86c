"""A client of an application in this process that stays in its caller's thread.

Starlette's hands each request to an event loop in another thread, which hands each query to a third
one: a third of a request's time goes into waking them. Here the caller runs the loop until the
answer is there. Tests in which requests to a started application overlap take the fixture
`overlapping`: then all is as Starlette has it.
"""

import asyncio
import atexit
import contextlib
import contextvars
import warnings
from asyncio import events
from collections.abc import Callable, Iterator
from typing import Any, Self

import anyio.to_thread
import pytest
from typing_extensions import override

with warnings.catch_warnings():
    # starlette 1.3's module uses a name that anyio 4.16 has moved
    warnings.simplefilter("ignore", DeprecationWarning)
    from starlette.testclient import TestClient as FarClient

_in_a_thread = anyio.to_thread.run_sync


class _NearLoop(asyncio.SelectorEventLoop):
    """A loop whose blocking work is done where the loop is."""


class _NearPortal:
    """Stands in for anyio's way into a loop of another thread."""

    def __init__(self) -> None:
        self._loop = _NearLoop()

    def call(self, work: Callable[..., Any], *args: Any) -> Any:
        async def called() -> Any:
            found = work(*args)
            return await found if asyncio.iscoroutine(found) else found

        return self._loop.run_until_complete(called())

    def start_task_soon(self, work: Callable[..., Any]) -> asyncio.Task[Any]:
        return self._loop.create_task(work())

    def close(self) -> None:
        while left := asyncio.all_tasks(self._loop):
            self._loop.run_until_complete(asyncio.wait(left))
        self._loop.run_until_complete(self._loop.shutdown_asyncgens())
        self._loop.close()


_overlapping: list[bool] = []
"""Not empty while a test runs whose requests overlap."""


@contextlib.contextmanager
def overlapping_requests() -> Iterator[None]:
    """Let applications that are started meanwhile answer several requests at once."""
    _overlapping.append(True)
    try:
        yield
    finally:
        _overlapping.pop()


class NearClient(FarClient):
    """Starlette's client with both ends in one thread."""

    __test__ = False

    @override
    def __enter__(self) -> Self:
        if _overlapping:
            return super().__enter__()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(
                "anyio.from_thread.start_blocking_portal",
                lambda **_: contextlib.closing(_NearPortal()),
            )
            return super().__enter__()

    @contextlib.contextmanager
    def _portal_factory(self) -> Iterator[Any]:
        if self.portal is not None:
            yield self.portal
            return
        # An application that was not started has no loop of its own.
        portal = _idle.pop() if _idle else _NearPortal()
        try:
            yield portal
        finally:
            _idle.append(portal)


_idle: list[_NearPortal] = []
"""Loops that nobody runs: more than one when requests overlap."""


@atexit.register
def _close() -> None:
    for portal in _idle:
        portal.close()


async def _run_sync(work: Callable[..., Any], *args: Any, **options: Any) -> Any:
    """Do blocking work in a thread, or here in a near loop; it may use a near client itself."""
    loop = events.get_running_loop()
    if not isinstance(loop, _NearLoop):
        return await _in_a_thread(work, *args, **options)
    events._set_running_loop(None)
    try:
        return contextvars.copy_context().run(work, *args)
    finally:
        events._set_running_loop(loop)


anyio.to_thread.run_sync = _run_sync
