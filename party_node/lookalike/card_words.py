"""A model card as a document: as results store it, and pages and the command line show it."""

from typing import Any

from protocols.dp.budget import Rho
from protocols.lookalike.card import ModelCard
from protocols.lookalike.preflight import Caution, Forecast

CAUTIONS = {
    Caution.FEW_SEEDS: "fewer than 500 seeds: noise is large beside what so few have in common",
    Caution.NOISE_DROWNS: "with so few seeds at this price, noise decides more than they do: the "
    "model may be no better than chance",
    Caution.CURVE_UNRELIABLE: "too few seeds were held out: the curve says little",
}
"""What is said of each caution."""


def document(card: ModelCard) -> dict[str, Any]:
    """Return a card with parts of a thousand as decimals."""
    curve = card.curve
    return {
        "purpose": card.purpose,
        "brand": card.brand,
        "partner": card.partner,
        "features": [feature.column for feature in card.features.features],
        "seeds_step": card.seeds_step,
        "columns": card.columns,
        "rho": Rho(card.rho_nano).decimal(),
        "epsilon": card.epsilon_milli / 1000,
        "delta": f"1e-{card.delta_exponent}",
        "held_out": curve.held_out,
        "reliable": curve.reliable,
        "curve": [
            {
                "reach": point.reach_permille / 1000,
                "similarity": point.similarity_permille / 1000,
                "recall": point.recall_permille / 1000,
                "low": point.low_permille / 1000,
                "high": point.high_permille / 1000,
                "expected": point.expected_permille / 1000,
                "lift": point.lift_milli / 1000,
            }
            for point in curve.points
        ],
        "weights": [
            {
                "column": weight.column,
                "importance": weight.importance_permille / 1000,
                "highest": list(weight.highest),
                "lowest": list(weight.lowest),
            }
            for weight in card.weights
        ],
        "checkpoints": [root.hex() for root in card.checkpoints],
        "cautions": [{"code": c.value, "text": CAUTIONS[c]} for c in card.cautions],
        "limits": list(card.limits),
    }


def ahead(found: Forecast) -> dict[str, Any]:
    """Return a forecast as a document: what is said before anything is asked of anybody."""
    return {
        "seeds_step": found.seeds_step,
        "training": found.training,
        "held_out": found.held_out,
        "auc_low": found.auc_low_permille / 1000 or None,
        "auc_middle": found.auc_middle_permille / 1000 or None,
        "recall_half_width": found.recall_half_width_permille / 1000,
        "cautions": [{"code": c.value, "text": CAUTIONS[c]} for c in found.cautions],
    }
