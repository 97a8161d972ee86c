"""Lists of a party's own row keys in files: UTF-8, one key a line."""

import stat
from pathlib import Path

from party_node.durable_file import NO_SPACE, create_private
from party_node.errors import DatasetUnreadable, DiskFull

MOST_BYTES = 1 << 31
"""No list is longer."""
_FORM = "name a UTF-8 file with one row key a line"


def read_keys(path: Path) -> list[str]:
    """Return the keys of a file; empty lines are none.

    Raises: DatasetUnreadable.
    """
    try:
        # Before it is opened: who opens a pipe waits for its other end.
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise DatasetUnreadable(f"{path.name} is no file", hint=_FORM)
        if found.st_size > MOST_BYTES:
            raise DatasetUnreadable(f"{path.name} is larger than {MOST_BYTES:,} bytes", hint=_FORM)
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise DatasetUnreadable(f"{path.name} is not UTF-8", hint=_FORM) from None
    except OSError as e:
        raise DatasetUnreadable(f"{path.name}: {e.strerror}", hint=_FORM) from None
    return [line for line in text.split("\n") if line]


def write_keys(path: Path, keys: list[str]) -> None:
    """Write keys into a new file that only its owner can read.

    Raises: DatasetUnreadable if the file is there, or a key has more than one line; DiskFull.
    """
    if any("\n" in key for key in keys):
        raise DatasetUnreadable("a row key holds a line break", hint="ask for JSON instead")
    write_new(path, "".join(f"{key}\n" for key in keys).encode())


def write_new(path: Path, data: bytes) -> None:
    """Write a new file that only its owner can read.

    Raises: DatasetUnreadable if the file is there, or may not be written; DiskFull.
    """
    try:
        with create_private(path) as file:
            file.write(data)
    except FileExistsError:
        raise DatasetUnreadable(f"{path.name} is there already", hint="name a new file") from None
    except OSError as e:
        if e.errno in NO_SPACE:
            raise DiskFull from None
        hint = "name a new file in a folder where you may write"
        raise DatasetUnreadable(f"{path.name}: {e.strerror}", hint=hint) from None
