"""A release as a chart: an SVG of bars, or of tiles for two columns, with the table beside it.

An answer of several measures, as people and their value, has bars for each of them by itself: they
are in different units.

Drawn by Vega-Lite through Altair and vl-convert, on this machine: no script, no font and no data is
fetched from anywhere. What is hidden has no bar; intervals are lines on the bars.
"""

from collections.abc import Mapping
from typing import Any

MAX_ROWS = 500
"""More cells are no chart."""
MEASURE = "measure"
"""What the part of a row's key is called that says in what it is counted."""
_WIDTH = 480


def svg(found: Mapping[str, Any]) -> str:
    """Return the chart of a release."""
    import altair
    import vl_convert

    rows = [_point(found, row) for row in found["rows"] if row["value"] is not None][:MAX_ROWS]
    title = altair.TitleParams(_title(found), subtitle=_subtitle(found), anchor="start")
    if MEASURE in found["keys"]:
        drawn = vl_convert.vegalite_to_svg(_by_measure(found, title), allowed_base_urls=[])
        return str(drawn)
    base = altair.Chart({"values": rows}, title=title)
    layers = _tiles(base, found) if len(found["keys"]) == 2 else _bars(base, found)
    spec = layers.properties(width=_WIDTH).to_dict()
    return str(vl_convert.vegalite_to_svg(spec, allowed_base_urls=[]))


def _by_measure(found: Mapping[str, Any], title: Any) -> dict[str, Any]:
    """Return the charts of all measures, one below the other."""
    import altair

    at = found["keys"].index(MEASURE)
    keys = [*found["keys"][:at], *found["keys"][at + 1 :]]
    charts = []
    for measure in dict.fromkeys(row["key"][at] for row in found["rows"]):
        rows = [
            {**row, "key": [*row["key"][:at], *row["key"][at + 1 :]]}
            for row in found["rows"]
            if row["key"][at] == measure
        ][:MAX_ROWS]
        one = {**found, "keys": keys, "rows": rows, "query": measure, "of": None}
        points = [_point(one, row) for row in rows if row["value"] is not None]
        charts.append(_bars(altair.Chart({"values": points}), one).properties(width=_WIDTH))
    spec: dict[str, Any] = altair.vconcat(*charts, title=title).to_dict()
    return spec


def _bars(base: Any, found: Mapping[str, Any]) -> Any:
    import altair

    order = [_label(row) for row in found["rows"]]
    y = altair.Y("label:N", sort=order, title=", ".join(found["keys"]) or None)
    bars = base.mark_bar().encode(x=altair.X("value:Q", title=_measured(found)), y=y)
    lines = base.mark_rule().encode(x="low:Q", x2="high:Q", y=y)
    return altair.layer(bars, lines)


def _tiles(base: Any, found: Mapping[str, Any]) -> Any:
    import altair

    first, second = found["keys"]
    tiles = base.mark_rect().encode(
        x=altair.X("second:N", title=second, sort=None),
        y=altair.Y("first:N", title=first, sort=None),
        color=altair.Color("value:Q", title=_measured(found)),
    )
    words = base.mark_text(fontSize=9).encode(
        x=altair.X("second:N", sort=None), y=altair.Y("first:N", sort=None), text="value:Q"
    )
    return altair.layer(tiles, words)


def _point(found: Mapping[str, Any], row: Mapping[str, Any]) -> dict[str, Any]:
    point = {"label": _label(row), "value": row["value"]}
    for end in ("low", "high"):
        point[end] = row["value"] if row[end] is None else row[end]
    if len(found["keys"]) == 2:
        point["first"], point["second"] = row["key"]
    return point


def _label(row: Mapping[str, Any]) -> str:
    return ", ".join(row["key"]) or "all"


def _measured(found: Mapping[str, Any]) -> str:
    return f"{found['query']} of {found['of']}" if found["of"] else str(found["query"])


def _title(found: Mapping[str, Any]) -> str:
    return f"{_measured(found)} in {found['dataset']}"


def _subtitle(found: Mapping[str, Any]) -> list[str]:
    cost = found["cost"]
    said = [f"95 % intervals of the noise; rho {cost['rho']}, release {found['release'][:12]}"]
    return said + [hidden["text"] for hidden in found["hidden"]]
