"""Which release of Accord this is."""

from importlib import metadata


def software() -> str:
    """Return the installed version, or `unknown` when run from a source tree."""
    try:
        return metadata.version("accord")
    except metadata.PackageNotFoundError:
        return "unknown"
