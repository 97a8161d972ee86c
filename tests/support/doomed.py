"""A process that lives the same day many times, each time in a fork of itself, until it is killed.

Started with `kill_at.c` preloaded. Reads one line of JSON for each life and says, in lines of JSON
on stdout: its process, what was acknowledged (`busy_node.Day`), `unharmed` with the number of calls
that were counted, and at last, by the parent, `end` and how it ended. Loading the software takes a
second and a fork some milliseconds: that is why there is a parent.
"""

import ctypes
import faulthandler
import json
import os
import sys
import traceback
from pathlib import Path
from typing import Any

from party_node import observability
from tests.support.busy_node import Day, open_busy

SHIM = "ACCORD_TEST_SHIM"
PATIENCE_S = 120
"""A life that hangs ends after so long, and says where it was."""


def main() -> None:
    shim = ctypes.CDLL(os.environ[SHIM]) if SHIM in os.environ else None
    observability.configure(as_json=True, level="warning")  # as a node has it, to stderr
    say("loaded")
    for line in sys.stdin:
        life: dict[str, Any] = json.loads(line)
        child = os.fork()
        if child == 0:
            try:
                live(life, shim)
            except BaseException:  # noqa: BLE001 - the fork must never return into its parent's loop
                say("crashed", traceback.format_exc())
                os._exit(1)
            os._exit(0)
        say("end", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))


def live(life: dict[str, Any], shim: Any) -> None:
    faulthandler.dump_traceback_later(PATIENCE_S, exit=True)
    say("lives", os.getpid())
    if shim is not None:
        shim.accord_arm(life["n"], life["kinds"], life["when"])
    day = Day(open_busy(Path(life["home"])), say)
    if shim is None:
        day.do(life["steps"])
    else:
        shim.accord_space(ctypes.c_long(life["space"]))
        day.do_on_a_full_disk(life["steps"], lambda: shim.accord_space(ctypes.c_long(-1)))
    say("unharmed", 0 if shim is None else shim.accord_counted())


def say(word: str, *values: Any) -> None:
    """Write one line at once, whole: no buffer that a kill would lose."""
    os.write(1, (json.dumps([word, *values]) + "\n").encode())


if __name__ == "__main__":
    main()
