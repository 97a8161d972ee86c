"""The process of one side of measured sums: `python -m party_node.bench.sums_party`.

As `bench/party.py` for matching: one line of JSON says what to do; it writes its rows, says `ready`
and its port, waits for `go`, carries the run and prints what it cost (`direct_run.py`).
"""

from typing import Any

from party_node.bench.direct_run import DirectRun
from party_node.bench.made_rows import SumsAsked, plain, write_rows
from party_node.bench.side_process import be_side
from protocols.sums import routes
from protocols.sums.records import Sums


class SumsSide:
    """One side of one run."""

    def __init__(self, said: dict[str, Any]) -> None:
        self.asked, self._run = SumsAsked(**said["asked"]), DirectRun(said)
        write_rows(self.asked, self._run.role, self._run.chunks)
        self.port = self._run.port

    def run(self, port: int) -> dict[str, Any]:
        """Carry the run to its end; `port` is the other side's."""
        route = routes.find(self.asked.route)
        found, output = self._run.carry(route, port, self.asked.params(), self.asked.aligned())
        if isinstance(output, Sums):
            found["exact"] = output.values == plain(self.asked)
        self._run.chunks.erase()
        return found


if __name__ == "__main__":
    be_side(SumsSide)
