"""`accord demo`: make the people, start three processes, tell the story, compare, clean up."""

import json
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from party_node.demo import people
from party_node.demo.network import set_up
from party_node.demo.processes import DemoFailed
from party_node.demo.scene import Scene
from party_node.demo.story import tell
from party_node.demo.telling import Teller

FEWEST = 2_000
"""With fewer people, so few are in common that the answers are withheld."""


def run(*, json_output: bool, rows: int | None, keep: Path | None, seed: int) -> int:
    """Run the demonstration; return 0 if everything agrees with the plain computation, else 1.

    `rows` scales the number of people; `keep` is a folder that is left behind.
    """
    teller, began = Teller(to_stderr=json_output), time.monotonic()
    try:
        with ExitStack() as stack:
            scene = _played(stack, teller, rows, keep, seed)
    except DemoFailed as e:
        sys.stderr.write(f"accord: error: {e}\n")
        sys.stderr.write("accord: hint: use --keep with an empty folder, and read the logs there\n")
        return 1
    seconds = round(time.monotonic() - began, 1)
    scene.report |= {"seconds": seconds, "seed": seed, "people": scene.world.people}
    if json_output:
        sys.stdout.write(json.dumps(scene.report, indent=2, sort_keys=True, default=str) + "\n")
    teller.say(f"done in {seconds} s" + (f"; the three folders are in {keep}" if keep else ""))
    return 0 if scene.checks.all_right else 1


def _played(
    stack: ExitStack, teller: Teller, rows: int | None, keep: Path | None, seed: int
) -> Scene:
    """Make the people, start the processes, tell the story. Raises: DemoFailed."""
    if rows is not None and rows < FEWEST:
        raise DemoFailed(f"the demo needs at least {FEWEST:,} people: with fewer, nothing is said")
    folder = _folder(stack, keep)
    teller.title("Accord: two organisations, three processes, one question, and proof")
    try:
        with teller.working("making the people of the demo"):
            now_ms = time.time_ns() // 10**6
            world = people.make(folder / "data", rows=rows, seed=seed, now_ms=now_ms)
    except ValueError as e:
        raise DemoFailed(str(e)) from e
    with teller.working("starting a coordinator and two party nodes"):
        network = set_up(folder)
    stack.callback(network.stop)
    scene = Scene(network, world, teller)
    tell(scene)
    return scene


def _folder(stack: ExitStack, keep: Path | None) -> Path:
    if keep is None:
        return Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="accord-demo-")))
    folder = keep.absolute()
    if folder.exists() and any(folder.iterdir()):
        raise DemoFailed(f"{folder} is not empty")
    folder.mkdir(parents=True, exist_ok=True)
    return folder
