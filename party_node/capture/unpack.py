"""From the bytes of a file to its lines: unpacked, decoded, and never too many of them at once.

A file is opened once and read through that one descriptor. Bytes that are not text in the stated
encoding become lone surrogates, which no text has: the row that holds one is refused, and only it.
"""

import codecs
import functools
import gzip
import hashlib
import io
import os
import stat
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from typing_extensions import override

from party_node.capture.errors import ImportInterrupted, ImportUnreadable
from party_node.capture.mapping import GZIP, NONE, FileForm

MAX_ROW = 1_048_576
"""Characters of one row, and of one line."""
MAX_RATIO = 200
"""A compressed file may unpack to so many times its size; files of consents come to 10 to 50 …"""
FREE_BYTES = 64 * 1024 * 1024
"""… and to this much in any case."""

NOT_TEXT = "\udc80"
"""Stands where bytes are not text."""

_CHUNK = 1 << 20
_GZIP_MAGIC = b"\x1f\x8b"
_UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_ERRORS = "accord-not-text"


def _mark(error: UnicodeError) -> tuple[str, int]:
    assert isinstance(error, UnicodeDecodeError)
    return NOT_TEXT, error.end


codecs.register_error(_ERRORS, _mark)


class OpenedFile:
    """One file, opened for one import.

    Raises: ImportUnreadable if it cannot be opened, is no file, or is not what `form` says.
    """

    def __init__(self, path: Path, form: FileForm) -> None:
        self.path, self.form = path, form
        self._file = _opened(path)
        try:
            self._stat = os.fstat(self._file.fileno())
            if not stat.S_ISREG(self._stat.st_mode):
                raise ImportUnreadable(f"{path.name} is no file")
            start = self._file.read(4)
            packed = form.compression == GZIP or (
                form.compression != NONE and path.suffix.lower() == ".gz"
            )
            if packed != start.startswith(_GZIP_MAGIC) and (packed or start):
                raise _unexpected_packing(path.name, packed)
        except BaseException:
            self._file.close()
            raise
        self.packed = packed

    @property
    def size(self) -> int:
        """Bytes of the file as it lies on disk."""
        return self._stat.st_size

    def close(self) -> None:
        """Close it."""
        self._file.close()

    def sha256(self) -> str:
        """Return the hexadecimal digest of the file's bytes, as they lie on disk.

        Raises: ImportUnreadable.
        """
        with _reading(self.path.name):
            self._file.seek(0)
            return hashlib.file_digest(self._file, "sha256").hexdigest()

    def check_packing(self) -> None:
        """Unpack a compressed file to its end and keep nothing.

        A damaged, cut off or overblown file is so refused before anything of it is taken in.
        Raises: ImportUnreadable.
        """
        if self.packed:
            with _reading(self.path.name), self._unpacked() as unpacked:
                while unpacked.read(_CHUNK):
                    pass

    def require_unchanged(self) -> None:
        """Return if the file is still the one that was opened and hashed.

        Raises: ImportInterrupted.
        """
        now = os.fstat(self._file.fileno())
        if (now.st_size, now.st_mtime_ns) != (self._stat.st_size, self._stat.st_mtime_ns):
            raise ImportInterrupted(f"{self.path.name} changed while it was read")

    def lines(self) -> Iterator[str]:
        """Return the lines with their ends; a line over MAX_ROW comes in pieces of that length.

        Raises: ImportUnreadable.
        """
        with _reading(self.path.name), self._unpacked() as plain, self._text(plain) as text:
            yield from iter(functools.partial(text.readline, MAX_ROW), "")

    def _text(self, plain: io.BufferedReader) -> io.TextIOWrapper:
        encoding = self.form.encoding
        marked = plain.peek(2)[:2] in _UTF16_MARKS
        if marked != (encoding == "utf-16") and (marked or plain.peek(1)):
            raise ImportUnreadable(
                f"{self.path.name} is{'' if marked else ' not'} UTF-16 by its first two bytes",
                hint="say what it is by `encoding` in the mapping's section `file`",
            )
        # The mark at the beginning of a UTF-8 file is none of its text.
        name = "utf-8-sig" if encoding == "utf-8" else encoding
        return io.TextIOWrapper(plain, encoding=name, errors=_ERRORS, newline="")

    def _unpacked(self) -> io.BufferedReader:
        self._file.seek(0)
        raw = io.FileIO(os.dup(self._file.fileno()), "rb")
        return io.BufferedReader(_Bounded(raw) if self.packed else raw, _CHUNK)


class _Bounded(io.RawIOBase):
    """The unpacked bytes of a gzip file, as long as there are not absurdly many of them."""

    def __init__(self, packed: io.FileIO) -> None:
        self._packed, self._out = packed, 0
        self._gzip = gzip.GzipFile(fileobj=packed, mode="rb")

    @override
    def readable(self) -> bool:
        return True

    @override
    def readinto(self, buffer: "bytearray | memoryview") -> int:  # type: ignore[override]
        found = self._gzip.read(len(buffer))
        self._out += len(found)
        if self._out > FREE_BYTES and self._out > MAX_RATIO * max(1, self._packed.tell()):
            raise ImportUnreadable(
                f"the file unpacks to more than {MAX_RATIO} times its size",
                hint="no file of consents does; unpack it yourself and look at it",
            )
        buffer[: len(found)] = found
        return len(found)

    @override
    def close(self) -> None:
        self._packed.close()
        super().close()


@contextmanager
def _reading(name: str) -> Iterator[None]:
    """Turn what the operating system and the unpacking say into our words."""
    try:
        yield
    except (gzip.BadGzipFile, EOFError, zlib.error):
        raise ImportUnreadable(
            f"{name} is no whole gzip file", hint="copy it again; it is cut off or damaged"
        ) from None
    except OSError as e:
        raise ImportUnreadable(f"{name}: {e.strerror or 'cannot be read'}") from None


def ends(text: str) -> bool:
    """Return whether a piece of text ends a line."""
    return text[-1:] in ("\n", "\r")


def _opened(path: Path) -> io.BufferedReader:
    try:
        return open(path, "rb", opener=_without_waiting)
    except OSError as e:
        raise ImportUnreadable(f"{path.name}: {e.strerror}") from None


def _unexpected_packing(name: str, packed: bool) -> ImportUnreadable:
    if packed:
        return ImportUnreadable(
            f"{name} is not compressed by gzip, as its name or the mapping says"
        )
    return ImportUnreadable(
        f"{name} is compressed by gzip",
        hint="let its name end in .gz, or say `compression: gzip` in the mapping's section `file`",
    )


def _without_waiting(name: str, flags: int) -> int:
    """Open a file; a named pipe would otherwise wait for somebody who writes to it."""
    return os.open(name, flags | os.O_NONBLOCK)
