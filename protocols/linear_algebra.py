"""How many threads linear algebra takes. The result is the same but for rounding.

Models here are solved from matrices of a few hundred columns: a second thread saves a fifth of the
time where a core is free, and where none is, both spin while they wait for each other. Of
processes that serve, whoever starts them says how many; what computes does not ask.
"""

from collections.abc import MutableMapping

from threadpoolctl import threadpool_limits

VARIABLE = "OPENBLAS_NUM_THREADS"


def limit_threads(count: int, environ: MutableMapping[str, str]) -> None:
    """Let linear algebra take so many threads in this process, whose environment this is, and in
    those that it starts; 0 changes nothing.
    """
    if count:
        environ[VARIABLE] = str(count)  # for libraries that are not loaded yet
        threadpool_limits(count, user_api="blas")
