"""Following a job: who breaks off, or loses the node, reads that the job goes on."""

from typing import Any

import pytest

from party_node.cli.following import follow
from party_node.surface_errors import NodeNotRunning

JOB = "0f" * 16
UNDER_WAY = {
    "stage": "running/protocol", "state": "running", "ended": False, "phase": "protocol",
    "progress": None, "cause": "",
}  # fmt: skip


class Leaving:
    """A node that answers once; then this happens."""

    def __init__(self, then: BaseException) -> None:
        self.then, self.answered = then, False

    def get(self, _path: str, **_query: object) -> dict[str, Any]:
        if self.answered:
            raise self.then
        self.answered = True
        return UNDER_WAY


@pytest.mark.parametrize("then", [KeyboardInterrupt(), NodeNotRunning()])
def test_who_stops_looking_reads_how_to_look_again(
    then: BaseException, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(type(then)):
        follow(Leaving(then), JOB, 0)  # type: ignore[arg-type]
    assert "`accord job wait 0f0f0f0f0f0f` follows it again" in capsys.readouterr().err
