"""Scores by an earlier joint model, as one protocol: match, then score. Nothing is learnt.

    brand (initiator, receives)                          partner (responder)
             ── … labelled matching … ──────────────────────►  row numbers and pads
             ── the weights that the partner was shown ─────►
             ◄── each row's weighted sum, hidden by its pad ──
    opens those of its own people who match

**Who learns what.** The brand: which of its own people the partner has; one number for each of
them, by the model that it has fitted before. The partner: the size of the brand's list, filled up.
No sum over people passes. The partner scores by the weights that it was shown when the model was
made, and by no others (`OtherWeights`), so a run reads no column by itself.

**Assumed public.** Protocol, parameters, the sizes that are said, number and length of messages;
none depends on how many match.

**Security.** That of the parts, semi-honest.

Beside its input each side finds what it has kept of the earlier run: the brand the chunk `MODEL`,
the partner the chunk `KNOWN`. `own-values/…` has the brand's columns, and no label.
"""

from protocols.codec import decode
from protocols.groups import Backend
from protocols.in_a_row import Begun, then
from protocols.joint.asked_again import PROTOCOL
from protocols.joint.kept import KeptJointModel
from protocols.joint.records import JointAgainParams
from protocols.joint.scored import MODEL, rows_and_pads
from protocols.joint.scoring import SCORING, ScoreGiven, Weights
from protocols.psi import ot
from protocols.psi.params import Labelled, SenderDone
from protocols.session import Fetch, Progress, Rng, TwoParty

KNOWN = "known-weights"
"""Chunk of the partner: the encoded `Weights` that it was shown."""
_ROW = 0.05
"""What a row of scores counts as, in rows of the matching."""


def joint_again(backend: Backend | None = None) -> TwoParty:
    """Return `joint-again/2`."""
    matching = ot.labelled()
    return then(
        matching,
        by_labels,
        SCORING,
        params=JointAgainParams,
        name=PROTOCOL,
        title="Scores by an earlier model over both parties' features",
        initiator_learns=(
            "which of its own items match; one weighted sum of the other side's columns for each "
            "item that matches"
        ),
        responder_learns=matching.responder_learns,
        ahead=_ahead,
    )


def by_labels(
    before: Begun, output: Labelled | SenderDone, fetch: Fetch, rng: Rng
) -> tuple[ScoreGiven, dict[str, bytes]]:
    """Give the scoring the weights of the earlier model: to send, or to hold against what comes."""
    wide = before.params.second.columns
    if isinstance(output, SenderDone):
        known = _padded(decode(Weights, fetch(KNOWN)).values, wide)
        return ScoreGiven(before.given.count, known), {}
    _, kept = rows_and_pads(output, fetch)
    model = decode(KeptJointModel, fetch(MODEL))
    return ScoreGiven(output.peer_count, _padded(model.weights, wide)), kept


def _padded(weights: tuple[int, ...], wide: int) -> tuple[int, ...]:
    """Return the weights of a model as they are sent: other columns weigh nothing."""
    return weights + (0,) * (wide - len(weights))


def _ahead(before: Begun, now: Progress) -> Progress:
    return Progress(0, round(_ROW * now.total), _ROW * now.per_peer_row)
