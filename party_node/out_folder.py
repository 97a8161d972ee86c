"""The one folder of a home that the node writes files into on request: `out`.

A caller names the file and nothing more. So a token never decides where on the machine, or over
what, something is written; who runs the node moves the file on.
"""

import re
import stat
from pathlib import Path

from party_node.durable_file import NO_SPACE
from party_node.errors import DiskFull, OutputRefused

FOLDER = "out"
NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$"
"""No separator, no leading dot."""
_NAME = re.compile(NAME, re.ASCII)
_OF_THE_OWNER = 0o700


def new_file(home: Path, name: str) -> Path:
    """Return the full path of a file that is still to be made; its folder is there.

    Who makes it must refuse one that has come between: `O_EXCL`. Raises: OutputRefused, DiskFull.
    """
    if _NAME.fullmatch(name) is None:
        raise OutputRefused("this is no name for a file", hint="use letters, digits, . _ and -")
    folder = home.absolute() / FOLDER
    try:
        folder.mkdir(mode=_OF_THE_OWNER, exist_ok=True)
        if not stat.S_ISDIR(folder.lstat().st_mode):
            raise OutputRefused(f"{folder} is no folder of its own", hint="move it away")
        folder.chmod(_OF_THE_OWNER)
    except FileExistsError:
        raise OutputRefused(f"{folder} is no folder of its own", hint="move it away") from None
    except OSError as e:
        if e.errno in NO_SPACE:
            raise DiskFull from None
        raise OutputRefused(f"{folder}: {e.strerror}") from None
    path = folder / name
    if path.exists() or path.is_symlink():
        raise OutputRefused(f"{path} exists already", hint="name another file, or move it away")
    return path
