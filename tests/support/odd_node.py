"""`accord` in a process whose machine has something wrong: its clock, or how much it may write.

    python -m tests.support.odd_node node serve …

ACCORD_TEST_SKEW_MS moves the clock; ACCORD_TEST_FILE_BYTES limits the size of every file.
"""

import os
import resource
import signal
import time


def spoil() -> None:
    skew_ns = int(os.environ.get("ACCORD_TEST_SKEW_MS", "0")) * 1_000_000
    if skew_ns:
        true_time, true_ns = time.time, time.time_ns
        time.time = lambda: true_time() + skew_ns / 1e9
        time.time_ns = lambda: true_ns() + skew_ns
    limit = int(os.environ.get("ACCORD_TEST_FILE_BYTES", "0"))
    if limit:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))


if __name__ == "__main__":
    spoil()
    from party_node.cli.main import main

    main()
