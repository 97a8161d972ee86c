"""One side's part of the run receipt, and the result that is shown once all have signed."""

from consent.checkpoint import checkpoint_of
from party_node import results
from party_node.errors import IllegalState
from party_node.execution import Execution
from party_node.phase_compute import UNDER
from party_node.results import NOTHING, Brought
from party_node.runs import Run
from protocols.codec import decode, encode
from protocols.job import LedgerHead, ReceiptPart, Released
from protocols.release import Told
from protocols.transcript import Transcripts


def part_of(
    execution: Execution,
    run: Run,
    released: tuple[Released, ...],
    transcripts: tuple[bytes, ...] | None = None,
) -> ReceiptPart:
    """Return what this side says in the receipt: its ledger's proof, transcript, releases.

    `transcripts` stand for what passed, where that was no protocol between each two.
    """
    ledger, entry = execution.services.ledger, int(run.facts["use_entry"])
    note = ledger.checkpoints.latest_published()
    head = decode(LedgerHead, bytes.fromhex(run.facts["head"]))
    if note is None or checkpoint_of(note).size <= entry:
        note = run.facts.get(UNDER)  # the quorum is missing still: the approval's checkpoint
    if note is None:
        raise IllegalState("the use record is not under a published checkpoint")
    checkpoint = checkpoint_of(note)
    return ReceiptPart(
        party=execution.me,
        head=LedgerHead(head.origin, checkpoint.size, checkpoint.root, head.use_record),
        transcripts=(
            decode(Transcripts, run.transcript).digests() if transcripts is None else transcripts
        ),
        released=released,
        note=note,
        index=entry,
        inclusion=tuple(ledger.inclusion_proof(entry, checkpoint.size)),
    )


def facts_with(
    execution: Execution,
    run: Run,
    part: ReceiptPart,
    told: Told,
    brought: Brought = NOTHING,
) -> dict[str, object]:
    """Keep what this side will say and show; the result counts once all have signed."""
    result = results.document(execution, run.facts, told, brought)
    said = {"part": encode(part).hex(), "told": encode(told).hex(), "result": result}
    facts = {**run.facts, **said}
    return {"output": b"", "facts": facts}
