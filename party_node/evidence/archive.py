"""Reading the ZIP file of an evidence bundle, within bounds.

A bundle comes from somebody whose story is to be checked, so the file is hostile until read: its
size, the number of its files, their sizes together and how far each unpacks are bounded before
anything is unpacked, nothing is written to disk, and two files of one name are refused.
"""

import contextlib
import os
import struct
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

MAX_ZIP_BYTES = 512 * 1024 * 1024
MAX_FILE_BYTES = 64 * 1024 * 1024
MAX_TOTAL_BYTES = 1024 * 1024 * 1024
MAX_FILES = 1_000_000
MAX_RATIO = 100
"""Unpacked to packed bytes of a file: evidence is mostly hashes, which hardly shrink."""
_SMALL_BYTES = 64 * 1024
"""Below this the ratio of a file is not looked at."""
_PLAIN = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED = 0x1


class UnreadableBundle(Exception):
    """The file is not an evidence bundle."""


def read(path: Path) -> dict[str, bytes]:
    """Return the files of a bundle by name. Raises: UnreadableBundle, and nothing else."""
    with _as_unreadable(path):
        if path.stat().st_size > MAX_ZIP_BYTES:
            raise UnreadableBundle("the file is larger than a bundle may be")
        with zipfile.ZipFile(path) as archive:
            infos = archive.infolist()
            _check(infos)
            return {info.filename: _unpack(archive, info) for info in infos}


def read_folder(path: Path) -> dict[str, bytes]:
    """Return the files of an unpacked bundle by name. Raises: UnreadableBundle, and nothing else.

    Links are not followed, and the same bounds hold.
    """
    found: dict[str, bytes] = {}
    total = 0
    with _as_unreadable(path):
        for folder, _, names in os.walk(path):
            for name in names:
                file = Path(folder) / name
                if file.is_symlink() or not file.is_file():
                    raise UnreadableBundle("the folder holds something that is no file")
                size = file.stat().st_size
                total += size
                if size > MAX_FILE_BYTES or total > MAX_TOTAL_BYTES or len(found) >= MAX_FILES:
                    raise UnreadableBundle("the folder is larger than a bundle may be")
                found[file.relative_to(path).as_posix()] = file.read_bytes()
    return found


@contextlib.contextmanager
def _as_unreadable(path: Path) -> Iterator[None]:
    """Turn everything that the ZIP reader raises for hostile bytes into one error."""
    try:
        yield
    except (
        OSError,
        EOFError,
        LookupError,
        NotImplementedError,
        OverflowError,
        RuntimeError,
        ValueError,
        struct.error,
        zipfile.BadZipFile,
        zipfile.LargeZipFile,
        zlib.error,
    ) as e:
        kind = "folder" if path.is_dir() else "ZIP file"
        raise UnreadableBundle(f"{path.name} is not a readable {kind}") from e


def _check(infos: Sequence[zipfile.ZipInfo]) -> None:
    if len(infos) > MAX_FILES or sum(i.file_size for i in infos) > MAX_TOTAL_BYTES:
        raise UnreadableBundle("the bundle is larger than a bundle may be")
    if len({i.filename for i in infos}) != len(infos):
        raise UnreadableBundle("two files of the bundle have one name")
    for info in infos:
        if info.filename != info.orig_filename:
            raise UnreadableBundle("a file of the bundle has two names")
        if info.compress_type not in _PLAIN or info.flag_bits & _ENCRYPTED:
            raise UnreadableBundle("a file of the bundle is encrypted or packed in another way")
        unpacks = info.file_size > max(_SMALL_BYTES, MAX_RATIO * info.compress_size)
        if info.file_size > MAX_FILE_BYTES or unpacks:
            raise UnreadableBundle("a file of the bundle is larger than a bundle's may be")


def _unpack(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    """Unpack at most what the directory says: `ZipFile.read` would unpack whatever is there."""
    with archive.open(info) as packed:
        data = packed.read(info.file_size + 1)
    if len(data) != info.file_size:
        raise UnreadableBundle("a file of the bundle is not as long as it says")
    return data
