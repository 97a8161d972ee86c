"""How deep the tests of laws go: `make test-all` tries more examples than `make test`."""

import os


def examples(usual: int, *, deep: int = 0) -> int:
    """Return how many examples to try where `usual` are tried in the fast run.

    In a deep run they are as many times more as `ACCORD_TEST_DEPTH` says, and no fewer than `deep`.
    """
    depth = int(os.environ.get("ACCORD_TEST_DEPTH", "1"))
    return max(usual * depth, deep) if depth > 1 else usual
