"""A sweep as one self-contained page: heat map, choices and table."""

from collections.abc import Callable, Sequence
from html import escape
from typing import Final

from cryptick.sweeps.results import Results
from cryptick.sweeps.score_map import Means, are_numbers, score_map
from cryptick.sweeps.space import label

__all__ = ["color", "heat_map", "sweep_page"]

_WIDTH: Final = 360  # of the narrowest screen: the text is as large as it says there
_LEFT: Final = 46
_CELL_TEXT_MIN: Final = 30
_MARKS_MAX: Final = 40  # values on an axis; with more, points are drawn where they are

# Nine points of the map viridis: even steps of lightness, for every kind of colour vision.
_VIRIDIS: Final = (
    (68, 1, 84), (71, 44, 122), (59, 81, 139), (44, 113, 142), (33, 144, 141),
    (39, 173, 129), (92, 200, 99), (170, 220, 50), (253, 231, 37),
)  # fmt: skip

_STYLE: Final = """
:root{color-scheme:light dark;--ink:#1a1a1a;--paper:#fff;--line:#ccc;--none:#8883}
@media(prefers-color-scheme:dark){:root{--ink:#e8e8e8;--paper:#161616;--line:#444}}
body{margin:0 auto;padding:12px;max-width:960px;font:15px/1.45 system-ui,sans-serif;
color:var(--ink);background:var(--paper)}
h1{font-size:1.3rem;margin:.2em 0}h2{font-size:1.05rem;margin:1.4em 0 .4em}
svg{display:block;width:100%;max-width:720px;height:auto}
svg text{font:10px system-ui,sans-serif;fill:var(--ink)}
.wide{overflow-x:auto}table{border-collapse:collapse;font-variant-numeric:tabular-nums}
th,td{padding:3px 8px;text-align:right;border-bottom:1px solid var(--line);white-space:nowrap}
th:first-child,td:first-child{text-align:left}
.warning{border-left:4px solid #d95f02;padding-left:10px}
"""


def color(share: float) -> str:
    """Return the colour of a value that lies this far between the lowest 0 and the highest 1."""
    place = min(max(share, 0.0), 1.0) * (len(_VIRIDIS) - 1)
    index = min(int(place), len(_VIRIDIS) - 2)
    rest = place - index
    mixed = (
        round(low + (high - low) * rest)
        for low, high in zip(_VIRIDIS[index], _VIRIDIS[index + 1], strict=True)
    )
    return "#" + "".join(f"{part:02x}" for part in mixed)


def sweep_page(
    title: str,
    verdict: str,
    warnings: Sequence[str],
    results: Results,
    tables: Sequence["Table"],
) -> str:
    """Return the page.

    Parameters
    ----------
    title, verdict : str
        What was searched, and what it came to.
    warnings : sequence of str
        Said before any result.
    tables : sequence of (heading, columns, rows)
        As on the terminal, all cells texts.
    """
    drawn = heat_map(results)
    map_part = ""
    if drawn is not None:
        heading, svg = drawn
        map_part = f"<h2>{escape(heading)}</h2>{svg}"
    warned = "".join(f'<p class="warning">{escape(text)}</p>' for text in warnings)
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title>'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<style>{_STYLE}</style><h1>{escape(title)}</h1><p><b>{escape(verdict)}</b></p>{warned}{map_part}"
        f"{''.join(map(_table, tables))}</html>\n"
    )


Table = tuple[str, Sequence[str], Sequence[Sequence[str]]]
"""Heading, names of the columns, rows."""


def _table(table: Table) -> str:
    heading, columns, rows = table
    head = "".join(f"<th>{escape(name)}</th>" for name in columns)
    body = "".join(
        f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows
    )
    return (
        f'<h2>{escape(heading)}</h2><div class="wide"><table><thead><tr>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def heat_map(results: Results) -> tuple[str, str] | None:
    """Return heading and SVG of the score over the two parameters searched, None without two.

    Every mark has its value as a title, which browsers show on hover.
    """
    found = score_map(results)
    if found is None:
        return None
    across, down, columns, rows, means = found.across, found.down, *found.axes, found.means
    low, high = min(means.values()), max(means.values())
    shade = _shade(low, high)
    if max(len(columns), len(rows)) > _MARKS_MAX and are_numbers(columns + rows):
        body, bottom = _points(means, across, down, shade)
    else:
        body, bottom = _cells(means, columns, rows, (across, down), shade)
    legend = "".join(
        f'<rect x="{_LEFT + step * 20}" y="{bottom + 24}" width="20" height="8" '
        f'fill="{color(step / 10)}"/>'
        for step in range(11)
    )
    middle = _LEFT + 110
    svg = (
        f'<svg viewBox="0 0 {_WIDTH} {bottom + 48}" role="img" '
        f'aria-label="{escape(results.objective)} by {escape(across)} and {escape(down)}">'
        f'{body}<text x="{(_LEFT + _WIDTH) / 2}" y="{bottom + 18}" text-anchor="middle">'
        f'{escape(across)}</text><text x="2" y="9">{escape(down)}</text>{legend}'
        f'<text x="{_LEFT}" y="{bottom + 43}">{low:.2f}</text>'
        f'<text x="{middle}" y="{bottom + 43}" text-anchor="middle">{escape(results.objective)}'
        f'</text><text x="{_LEFT + 220}" y="{bottom + 43}" text-anchor="end">{high:.2f}</text>'
        "</svg>"
    )
    where = "out-of-sample " if results.walk_forward else ""
    others = " (mean over the other parameters)" if found.searched > 2 else ""
    return f"{where}{results.objective} by {across} and {down}{others}".capitalize(), svg


def _cells(
    means: Means,
    columns: Sequence[str],
    rows: Sequence[str],
    names: tuple[str, str],
    shade: Callable[[float], float],
) -> tuple[str, float]:
    """Draw one rectangle per combination; return them and where they end."""
    top, width = 14, (_WIDTH - _LEFT - 4) / len(columns)
    height = min(max(width * 0.6, 14.0), 24.0)
    parts = []
    for row, y_text in enumerate(rows):
        y = top + row * height
        parts.append(
            f'<text x="{_LEFT - 4}" y="{y + height / 2 + 3.5:.1f}" text-anchor="end">'
            f"{escape(_short(y_text, 7))}</text>"
        )
        for column, x_text in enumerate(columns):
            x, value = _LEFT + column * width, means.get((x_text, y_text))
            point = {names[0]: x_text, names[1]: y_text}
            said = "not run or no result" if value is None else f"{value:.4g}"
            fill = "var(--none)" if value is None else color(shade(value))
            parts.append(
                f'<rect x="{x:.1f}" y="{y:.1f}" width="{width - 0.6:.1f}" '
                f'height="{height - 0.6:.1f}" fill="{fill}">'
                f"<title>{escape(label(point))}: {said}</title></rect>"
            )
            if value is not None and width >= _CELL_TEXT_MIN:
                ink = "#fff" if shade(value) < 0.55 else "#000"
                parts.append(
                    f'<text x="{x + width / 2:.1f}" y="{y + height / 2 + 3.5:.1f}" '
                    f'text-anchor="middle" style="fill:{ink};pointer-events:none">{value:.2f}'
                    "</text>"
                )
    bottom = top + len(rows) * height
    every = max(1, -(-28 // int(width or 1)))
    for column in range(0, len(columns), every):
        x = _LEFT + (column + 0.5) * width
        parts.append(
            f'<text x="{x:.1f}" y="{bottom + 9:.1f}" text-anchor="middle">'
            f"{escape(_short(columns[column], 8))}</text>"
        )
    return "".join(parts), bottom


def _points(
    means: Means, across: str, down: str, shade: Callable[[float], float]
) -> tuple[str, float]:
    """Draw one dot per combination where its numbers are; return them and where they end."""
    top, size = 16.0, 240.0
    xs, ys = ([float(place[axis]) for place in means] for axis in (0, 1))
    parts = []
    for (x_text, y_text), value in sorted(means.items(), key=lambda one: one[1]):
        x = _LEFT + 6 + _share(float(x_text), xs) * (_WIDTH - _LEFT - 16)
        y = top + (1 - _share(float(y_text), ys)) * size
        title = escape(label({across: x_text, down: y_text}))
        parts.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" fill="{color(shade(value))}" '
            f'stroke="var(--ink)" stroke-width=".4"><title>{title}: {value:.4g}</title></circle>'
        )
    bottom = top + size + 8
    for x, anchor, value in ((_LEFT, "start", min(xs)), (_WIDTH - 4, "end", max(xs))):
        parts.append(f'<text x="{x}" y="{bottom + 9:.1f}" text-anchor="{anchor}">{value:g}</text>')
    for y, value in ((top + 4, max(ys)), (top + size + 3, min(ys))):
        parts.append(f'<text x="{_LEFT - 4}" y="{y}" text-anchor="end">{value:g}</text>')
    return "".join(parts), bottom


def _shade(low: float, high: float) -> Callable[[float], float]:
    return lambda value: (value - low) / (high - low) if high > low else 0.5


def _share(value: float, values: Sequence[float]) -> float:
    low, high = min(values), max(values)
    return (value - low) / (high - low) if high > low else 0.5


def _short(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"
