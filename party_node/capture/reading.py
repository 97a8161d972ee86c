"""Reading one consent file from its first byte to its last, in this process or in one of its own.

As a program (`python -m party_node.capture.reading`) it gets a task on its input and writes lines
to its output: `H` and the file's digest, `B` and a batch for each stretch of rows, then `E`; or
`X` and an error. It needs no key of the node but the one that names events, and no database.
"""

import gc
import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from party_node.capture import mapping_file
from party_node.capture.batch_reader import BatchReader
from party_node.capture.batches import Batch
from party_node.capture.errors import ImportInterrupted, ImportUnreadable
from party_node.capture.mapping import FileMapping, by_columns
from party_node.capture.row_source import RowSource
from party_node.capture.said import Context
from party_node.capture.unpack import OpenedFile
from party_node.errors import MissingColumn, NodeError

HEAD, BATCH, END, FAILED = b"H", b"B", b"E", b"X"
_MANY_OBJECTS = 50_000
"""A batch is so many objects and no cycle: the collector need not walk over them all the time."""
_CARRIED = {kind.__name__: kind for kind in (ImportUnreadable, MissingColumn, ImportInterrupted)}


@dataclass(frozen=True, slots=True)
class Task:
    """What is to be read, and by what."""

    path: str
    mapping: "str | Mapping[str, str]"
    """YAML, or pairs of our and the file's column names."""
    purposes: list[str]
    region: str | None
    now_ms: int
    event_id_key: str = field(repr=False)
    """32 bytes in hexadecimal digits; empty where the file names its events itself."""

    def file_mapping(self) -> FileMapping:
        """Return the mapping. Raises: InvalidMapping, MissingColumn."""
        if isinstance(self.mapping, str):
            return mapping_file.parse(self.mapping, self.purposes)
        return by_columns(self.mapping)


class Reading:
    """A file that has been opened, hashed, and looked at for damage.

    Raises: ImportUnreadable, MissingColumn, InvalidMapping.
    """

    def __init__(self, task: Task) -> None:
        mapping = task.file_mapping()
        self._file = OpenedFile(Path(task.path), mapping.form)
        try:
            self.sha256 = self._file.sha256()
            self._source = RowSource(self._file, mapping)
            self._source.check()
        except BaseException:
            self._file.close()
            raise
        context = Context(frozenset(task.purposes), task.region, mapping.separator)
        key = bytes.fromhex(task.event_id_key)
        self._reader = BatchReader(mapping, context, task.now_ms, key)

    def batches(self) -> Iterator[Batch]:
        """Return everything in the file.

        Raises: ImportUnreadable; MissingColumn before the first batch; ImportInterrupted at the
        end if the file changed meanwhile.
        """
        yield from self._reader.batches(self._source)
        self._file.require_unchanged()

    def close(self) -> None:
        """Close the file."""
        self._file.close()


@contextmanager
def opened(task: Task) -> Iterator[Reading]:
    """Read in this process."""
    reading = Reading(task)
    try:
        yield reading
    finally:
        reading.close()


def error_line(error: Exception) -> bytes:
    """Return an error as it crosses to the node: never with a value from the file."""
    if isinstance(error, NodeError) and type(error).__name__ in _CARRIED:
        said = {"kind": type(error).__name__, "detail": error.detail, "hint": error.hint}
    else:
        # Nobody can say what the message of an unforeseen error repeats.
        trace = error.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        place = f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}" if trace else ""
        said = {
            "kind": "ImportInterrupted",
            "detail": f"reading the file failed ({type(error).__name__} at {place})",
            "hint": "report it with this message; what was taken in is not taken in twice",
        }
    return FAILED + json.dumps(said).encode() + b"\n"


def error_of(line: bytes) -> NodeError:
    """Return the error that `error_line` wrote."""
    said: dict[str, Any] = json.loads(line)
    return _CARRIED[said["kind"]](said["detail"], hint=said["hint"])


def head_of(line: bytes) -> str:
    """Return the digest that stands in a head."""
    return str(json.loads(line)["sha256"])


def _serve(task: Task, out: BinaryIO) -> None:
    try:
        with opened(task) as reading:
            out.write(HEAD + json.dumps({"sha256": reading.sha256}).encode() + b"\n")
            out.flush()
            for batch in reading.batches():
                out.write(BATCH + batch.to_json())
                out.flush()
        out.write(END + b"\n")
    except BrokenPipeError:
        raise
    except Exception as e:  # noqa: BLE001 - whatever it is, the node must hear of it
        out.write(error_line(e))
    out.flush()


def main() -> None:
    """Read one file for the node that started this process."""
    # Nothing that a library prints may come between the lines.
    with os.fdopen(os.dup(1), "wb", buffering=1 << 20) as out:
        os.dup2(2, 1)
        gc.set_threshold(_MANY_OBJECTS, *gc.get_threshold()[1:])
        task = Task(**json.loads(sys.stdin.buffer.readline()))
        try:
            _serve(task, out)
        except BrokenPipeError:  # the node does not want the rest, or is gone
            os._exit(1)


def task_line(task: Task) -> bytes:
    """Return a task as the program reads it."""
    return json.dumps(asdict(task)).encode() + b"\n"


if __name__ == "__main__":
    main()
