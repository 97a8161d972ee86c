"""`python -m coordinator`: the command `accord-coordinator`."""

import gc

# Before the imports: they make some hundred thousand objects that stay, and by default the
# collector would walk over all of them again and again, a quarter of the time to start.
gc.set_threshold(50_000)

from coordinator.cli import main  # noqa: E402

if __name__ == "__main__":
    main()
