"""What was measured, for people: a line for each figure, a column for each way."""

from typing import Any

_MB = 10**6


def heading(found: dict[str, Any]) -> str:
    """Return what was measured in one line."""
    sizes = f"{found['receiver_items']:,} × {found['sender_items']:,}"
    return f"{found['protocol']}, {sizes}, {found['common']:,} in both"


def columns(found: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return what was run: the first run, where it prepared a set, then each way."""
    first = {"first run, preparing": found["first"]} if "first" in found else {}
    return {**first, **found["ways"]}


def lookalike_heading(found: dict[str, Any]) -> str:
    """Return what a lookalike was measured on in one line."""
    price = f"epsilon {found['epsilon']:.2f} at delta 10^-{found['delta_exponent']}"
    people = f"{found['people']:,} people, {found['columns']} columns"
    return f"{found['data']}: {people}; {price}; median of {found['repeats']}"


def rows(found: dict[str, Any]) -> list[list[str]]:
    """Return the figures: name, then one cell for each column."""
    ways = columns(found).values()
    made = [
        ["wall seconds", *(f"{w['wall_seconds']:.2f}" for w in ways)],
        ["CPU-seconds of both parties", *(f"{w['cpu_seconds_both_parties']:.2f}" for w in ways)],
        ["  receiver", *(f"{w['cpu_seconds']['receiver']:.2f}" for w in ways)],
        ["  sender", *(f"{w['cpu_seconds']['sender']:.2f}" for w in ways)],
        ["  coordinator, beside them", *(_coordinator(w) for w in ways)],
        ["peak memory of the receiver, MiB", *(str(w["peak_mib"]["receiver"]) for w in ways)],
        ["peak memory of the sender, MiB", *(str(w["peak_mib"]["sender"]) for w in ways)],
        ["MB to the sender", *(f"{w['bytes']['from_receiver'] / _MB:.2f}" for w in ways)],
        ["MB to the receiver", *(f"{w['bytes']['from_sender'] / _MB:.2f}" for w in ways)],
        ["matched", *(f"{w['matched']:,}" for w in ways)],
        ["exact", *("yes" if w["exact"] else "NO" for w in ways)],
    ]
    if "relay_over_direct" in found:
        blank = [""] * (len(columns(found)) - 1)
        made.append(["wall, relay ÷ direct", f"{found['relay_over_direct']:.2f}", *blank])
    return made


def _coordinator(way: dict[str, Any]) -> str:
    used = way["cpu_seconds"].get("coordinator")
    return "–" if used is None else f"{used:.2f}"
