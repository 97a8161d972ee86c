"""How deep the tests of laws go: `make test-all` tries more examples than `make test`."""

import os


def examples(usual: int) -> int:
    """Return how many examples to try where `usual` are tried in the fast run."""
    return usual * int(os.environ.get("ACCORD_TEST_DEPTH", "1"))
