"""The report as one HTML page that needs nothing else, and that prints well."""

from collections.abc import Iterable
from html import escape

from .attacks import KINDS
from .report import Assurance, BlindSpot

__all__ = ("report_html", "report_text")

STYLE = (
    "body{font:14px/20px system-ui,sans-serif;max-width:64rem;margin:2rem auto;padding:0 1rem;color:#15191d}"
    "table{border-collapse:collapse;width:100%;margin:.5rem 0 2rem}th,td{text-align:left;padding:.25rem .5rem;"
    "border-bottom:1px solid #ccc;vertical-align:top}td.n{text-align:right;font-variant-numeric:tabular-nums}"
    "h1{font-size:24px;line-height:30px}h2{font-size:18px;margin-top:2rem}.sim{border:2px solid #b00020;padding:.5rem}"
    "@media print{body{margin:0;max-width:none;font-size:10pt}h2{break-after:avoid}tr{break-inside:avoid}}"
    "@page{margin:15mm}"
)
LIMITS = (
    "Only series of numbers were attacked, one sensor at a time, and values were only raised. What the history holds is"
    " taken as ordinary: an event in it counts among the false alarms. Smaller sizes count as missed where a larger one"
    " was missed. Found means that a detector said something about that sensor within the attack or an hour after it,"
    " which it does not say about the unaltered history."
)


def report_text(report: Assurance) -> str:
    """Say the gist on a terminal."""
    lines = [
        f"{report.site}: {report.found} of {report.attacks} attacks found, {report.t_judged} to {report.t_until}"
        + (" (simulated history)" if report.simulated else ""),
        _cost(report),
        "",
        "Blind spots:" if report.blind_spots else "No sensor is blinder than others of its kind.",
    ]
    lines += [f"  {each.sensor} ({each.zone or 'no zone'}): {_spot(each)}" for each in report.blind_spots]
    if report.limits:
        lines += ["", "Hardly seen anywhere, even at the largest size:"]
        lines += [f"  {each.kind} of {each.quantity}: {each.found} of {each.tried}" for each in report.limits]
    lines += ["", "Found at the largest, middle and smallest size:"]
    for kind in KINDS:
        shares = [
            (
                sum(
                    each.found
                    for each in report.kinds
                    if each.kind == kind.name and each.size == kind.shown(size)
                ),
                sum(
                    each.tried
                    for each in report.kinds
                    if each.kind == kind.name and each.size == kind.shown(size)
                ),
            )
            for size in reversed(kind.sizes())
        ]
        lines.append(f"  {kind.name:16}" + "".join(f"{_percent(*share):>8}" for share in shares))
    return "\n".join(lines)


def _about(report: Assurance) -> str:
    return (
        f"Made {report.made}. Taught {report.t_from} to {report.t_judged}, attacked until {report.t_until}."
        f" {report.attacks} attacks, {report.found} found."
    )


def _cost(report: Assurance) -> str:
    return (
        f"{report.false_alarms_month:g} false alarms a sensor and month at these settings;"
        f" {report.sensors_tried} of {report.sensors} sensors tried."
    )


def _spot(spot: BlindSpot) -> str:
    why = "; ".join(spot.why) or "nothing in its readings or settings says why"
    return (
        f"found {spot.found} of {spot.tried}, others of its kind would have found {spot.expected:g};"
        f" missed {', '.join(spot.missed) or 'some of each kind'}: {why}"
    )


def report_html(report: Assurance) -> str:
    """Write a report as one HTML page.

    It has print styles, so that a browser makes a clean PDF of it.
    """
    title = f"Detection assurance: {report.site}"
    simulated = (
        '<p class="sim">Simulated history. These figures say how the detectors do on made readings, not on a'
        " real site's.</p>"
        if report.simulated
        else ""
    )
    planted = f"<p>Planted blind spots: {escape(', '.join(report.planted))}.</p>" if report.planted else ""
    body = [
        f"<h1>{escape(title)}</h1>",
        simulated,
        planted,
        f"<p>{_about(report)} {_cost(report)}</p>",
        f"<p>{LIMITS}</p>",
        "<h2>Blind spots</h2>",
        _spots(report),
        "<h2>What hardly anybody sees</h2>",
        _table(("Quantity", "Attack", "Found", "Tried"),
               [(x.quantity, x.kind, x.found, x.tried) for x in report.limits])
        if report.limits else "<p>Nothing: at the largest size at least half was found of every kind.</p>",
        "<h2>What was tried and found, by kind and size</h2>",
        f"<p>{escape('; '.join(f'{kind.name}: {kind.what}' for kind in KINDS))}.</p>",
        _table(("Quantity", "Attack", "Size", "Tried", "Found", "Median delay", "Detectors"),
               [(x.quantity, x.kind, x.size, x.tried, x.found, _delay(x.delay_s), ", ".join(x.detectors))
                for x in report.kinds]),
        "<h2>Largest attacks missed every time</h2>",
        _table(("Sensor", "Zone", "Quantity", "Attack", "Size"),
               [(x.sensor, x.zone, x.quantity, x.kind, x.size) for x in report.missed]),
        "<h2>By sensor</h2>",
        _table(("Sensor", "Zone", "Largest tried", "Found", "Expected of its kind", "False alarms a month"),
               [(x.sensor, x.zone, x.tried, x.found, f"{x.expected:g}", f"{x.false_alarms_month:g}")
                for x in report.by_sensor]),
    ]  # fmt: skip
    head = f'<meta charset="utf-8"><title>{escape(title)}</title><style>{STYLE}</style>'
    return (
        f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body>\n'
        + "\n".join(body)
        + "\n</body></html>\n"
    )


def _spots(report: Assurance) -> str:
    if not report.blind_spots:
        return "<p>No sensor is blinder than others of its kind.</p>"
    rows = [
        (
            x.sensor,
            x.name,
            x.zone,
            f"{x.found} of {x.tried}",
            f"{x.expected:g}",
            ", ".join(x.missed),
            "; ".join(x.why),
        )
        for x in report.blind_spots
    ]
    return _table(("Sensor", "Name", "Zone", "Found", "Expected of its kind", "Missed", "Why"), rows)


def _table(head: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> str:
    top = "".join(f"<th>{escape(each)}</th>" for each in head)
    body = "\n".join("<tr>" + "".join(_cell(each) for each in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{top}</tr></thead><tbody>\n{body}\n</tbody></table>"


def _cell(value: object) -> str:
    text = escape(str(value))
    return f'<td class="n">{text}</td>' if isinstance(value, int) else f"<td>{text}</td>"


def _delay(seconds: float | None) -> str:
    if seconds is None:
        return ""
    return f"{seconds / 3600:.1f} h" if seconds >= 3600 else f"{seconds / 60:.0f} min"


def _percent(found: int, tried: int) -> str:
    return f"{found / tried:.0%}" if tried else "-"
