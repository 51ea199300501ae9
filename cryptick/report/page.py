"""The page of a run: one HTML file that needs nothing else.

Whatever comes from outside is escaped here; the script gets numbers as JSON and writes text nodes
only. The content security policy lets the two packaged scripts run and nothing be fetched.
"""

import base64
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from functools import cache
from html import escape
from importlib import resources
from typing import Any, Final

import msgspec

from cryptick.messages import Fill
from cryptick.report.drawing import chart_data
from cryptick.report.result import RunResult
from cryptick.report.summary import Summary
from cryptick.report.words import figure_rows, minute, percent, ratio, setting_rows, signed
from exchange_wrapper.numbers import LEDGER, format_amount
from exchange_wrapper.times import to_iso

__all__ = ["document", "render_report", "section", "table"]

_ALL_TRADES: Final = 400
_TRADES_AT_AN_END: Final = 100
_MONTHS: Final = (
    "Jan",
    "Feb",
    "Mar",
    "Apr",
    "May",
    "Jun",
    "Jul",
    "Aug",
    "Sep",
    "Oct",
    "Nov",
    "Dec",
)
_DEEPEST: Final = 0.2  # the monthly return that has the full colour

Cell = tuple[str, str]
"""A text and its CSS class."""


def render_report(result: RunResult, summary: Summary, run: Mapping[str, object]) -> str:
    """Return the page of a run as HTML.

    Parameters
    ----------
    run : mapping
        What ``run.json`` says; its manifest is shown.
    """
    period = f"{minute(summary.period_start)} to {minute(summary.period_end)} UTC"
    head = (
        f"<header><p class=kind>{escape(summary.mode)} · {escape(summary.run_id)}</p>"
        f"<h1>{escape(summary.strategy)}</h1>"
        f"<p>{escape(', '.join(summary.pairs))}<br>{escape(period)}</p></header>"
    )
    parts = [
        head,
        _tiles(summary),
        _notes(summary.warnings),
        _equity(summary),
        _candles(result),
        _months(summary.figures.monthly_returns),
        section("Figures", _pairs(figure_rows(summary))),
        section("What they rest on", _pairs(setting_rows(summary))),
        _trades(result.fills),
        _manifest(run.get("manifest")),
    ]
    return document(f"{summary.strategy} {summary.run_id}", parts, "report.js", chart_data(result))


def document(title: str, parts: Iterable[str], script: str, data: object) -> str:
    """Return a whole page.

    Parameters
    ----------
    parts : iterable of str
        HTML, escaped where it holds text from outside.
    script : str
        The packaged script that draws, with ``data`` in the element of that id.
    """
    scripts = [_asset(name) for name in ("lightweight-charts.js", "charts.js", script)]
    allowed = " ".join(f"'sha256-{_digest(text)}'" for text in scripts)
    policy = (
        f"default-src 'none'; base-uri 'none'; form-action 'none'; img-src data:; "
        f"style-src 'unsafe-inline'; script-src {allowed}"
    )
    return "\n".join(
        (
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            '<meta name="color-scheme" content="light dark">',
            f"<title>{escape(title)}</title><style>{_asset('report.css')}</style></head><body><main>",
            *parts,
            "<footer>Times are UTC. Charts by TradingView Lightweight Charts™, Apache License 2.0, "
            "© TradingView, Inc. https://www.tradingview.com/</footer></main>",
            f'<script type="application/json" id="data">{_embedded(data)}</script>',
            *(f"<script>{text}</script>" for text in scripts),
            "</body></html>\n",
        )
    )


def _embedded(data: object) -> str:
    """Return JSON that can't end the element it stands in."""
    text = msgspec.json.encode(data).decode()
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


@cache
def _asset(name: str) -> str:
    """Return a packaged file."""
    return (resources.files(__package__) / "assets" / name).read_text("utf-8")


@cache
def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def table(head: Sequence[Cell], rows: Iterable[Sequence[Cell]]) -> str:
    """Return a table that scrolls sideways where it is too wide."""
    top = "".join(f'<th scope=col class="{kind}">{escape(text)}' for text, kind in head)
    body = "".join(
        "<tr>" + "".join(f'<td class="{kind}">{escape(text)}' for text, kind in row) for row in rows
    )
    return f"<div class=wide tabindex=0><table><thead><tr>{top}<tbody>{body}</table></div>"


def section(title: str, content: str, note: str = "") -> str:
    """Return a part of a page; ``content`` is HTML."""
    remark = f"<p class=note>{escape(note)}</p>" if note else ""
    return f"<section><h2>{escape(title)}</h2>{remark}{content}</section>"


def _tiles(summary: Summary) -> str:
    figures, hold, trips = summary.figures, summary.benchmark, summary.round_trips
    final = f"{Decimal(summary.final_equity):,.2f}"
    tiles: list[tuple[str, str, float | None]] = [
        (f"Final equity, {summary.currency}", final, None),
        ("Return", signed(figures.total_return), figures.total_return),
        (
            "Buy and hold",
            "–" if hold.total_return is None else signed(hold.total_return),
            hold.total_return,
        ),
        ("Max drawdown", signed(-figures.max_drawdown), -figures.max_drawdown),
        ("Sharpe ratio", "–" if figures.sharpe is None else ratio(figures.sharpe), None),
        ("In the market", percent(summary.exposure.time), None),
        ("Win rate", "–" if trips.win_rate is None else percent(trips.win_rate), None),
        ("Trades", f"{summary.trades:,}", None),
    ]
    cells = (
        f'<div><dt>{escape(name)}<dd class="{_tone(value)}">{escape(text)}</div>'
        for name, text, value in tiles
    )
    return f"<dl class=tiles>{''.join(cells)}</dl>"


def _tone(value: float | None) -> str:
    return "" if not value else "gain" if value > 0 else "loss"


def _notes(warnings: Sequence[str]) -> str:
    if not warnings:
        return ""
    items = "".join(f"<li>{escape(warning)}" for warning in warnings)
    return f"<aside><h2>Mind the data</h2><ul>{items}</ul></aside>"


def _equity(summary: Summary) -> str:
    bases = ", ".join(summary.benchmark.bases)
    return section(
        "Equity, drawdown and exposure",
        "<p class=legend id=equity-legend></p><div id=equity class=tall></div>",
        f"In {summary.currency}. Buy and hold: {bases} in equal parts from the first price on, "
        "without fees. Exposure is the share of the equity in the market.",
    )


def _candles(result: RunResult) -> str:
    return section(
        "Trades on candles",
        '<p class=tools><select id=market aria-label="Market"></select>'
        "<button id=all>Whole period</button><button id=end>Last bars</button></p>"
        "<p class=legend id=candles-legend></p><div id=candles></div>"
        "<p class=note id=candles-note></p>",
    )


def _months(returns: Mapping[str, float]) -> str:
    if not returns:
        return ""
    rows = []
    for year in sorted({name[:4] for name in returns}):
        months = [returns.get(f"{year}-{month:02}") for month in range(1, 13)]
        growth = 1.0
        for value in months:
            growth *= 1.0 + (value or 0.0)
        cells = "".join(_heat(value) for value in months)
        rows.append(f"<tr><th scope=row>{year}{cells}{_heat(growth - 1.0, 'sum')}")
    top = "".join(f"<th scope=col class=number>{name}" for name in ("", *_MONTHS, "Year"))
    return section(
        "Monthly returns",
        f"<div class=wide tabindex=0><table class=heat><thead><tr>{top}"
        f"<tbody>{''.join(rows)}</table></div>",
        "In percent; the first and the last month as far as they go.",
    )


def _heat(value: float | None, kind: str = "") -> str:
    if value is None:
        return "<td>"
    strength = round(min(abs(value) / _DEEPEST, 1.0) * 70)
    return (
        f'<td class="number {_tone(value)} {kind}" style="--heat:{strength}%">{value * 100:+,.2f}'
    )


def _pairs(rows: Iterable[tuple[str, str]]) -> str:
    body = "".join(f"<tr><th scope=row>{escape(name)}<td>{escape(text)}" for name, text in rows)
    return f"<table class=pairs><tbody>{body}</table>"


def _trades(fills: Sequence[Fill]) -> str:
    if not fills:
        return section("Trades", "<p>There were none.</p>")
    note, shown = f"{len(fills):,} trades.", list(fills)
    if len(fills) > _ALL_TRADES:
        shown = [*fills[:_TRADES_AT_AN_END], *fills[-_TRADES_AT_AN_END:]]
        note = f"The first and the last {_TRADES_AT_AN_END} of {note} trades.csv has them all."
    names = ("Price", "Size", "Notional", "Fee")
    head = [("Time", ""), ("Exchange", ""), ("Pair", ""), ("Side", "")]
    head += [*((name, "number") for name in names), ("", "")]
    rows = [_trade(fill) for fill in shown]
    if len(shown) < len(fills):
        rows.insert(_TRADES_AT_AN_END, [("⋮", "")] * len(head))
    return section("Trades", table(head, rows), note)


def _trade(fill: Fill) -> list[Cell]:
    amounts = fill.price, fill.size, LEDGER.multiply(fill.price, fill.size), fill.fee
    return [
        (to_iso(fill.time)[:19].replace("T", " "), "time"),
        (fill.exchange, ""),
        (fill.pair, ""),
        (fill.side.value, fill.side.value),
        *((format_amount(amount), "number") for amount in amounts),
        ("maker" if fill.maker else "taker", ""),
    ]


def _manifest(manifest: Any) -> str:
    if manifest is None:
        return ""
    text = msgspec.json.format(msgspec.json.encode(manifest), indent=2).decode()
    return section(
        "Manifest", f"<details><summary>Show</summary><pre>{escape(text)}</pre></details>"
    )
