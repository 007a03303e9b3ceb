"""`s4 detect`: one detector over a file, result as CSV or JSON; each kind of data is a command of its own."""

from cyclopts import App

__all__ = ("app",)

KINDS = {
    "timeseries": "Tell unusual from usual in one series of numbers, or in a group of sensors (--multi).",
    "patterns": "Stretches unlike any other, and changes of level, in a whole recording.",
}
"""Each is the `app` of the module ``detect_<kind>``, imported when it runs."""

app = App(name="detect", help="Run one detector over a file.")
for _kind, _help in KINDS.items():
    app.command(f"s4allcities.cli.detect_{_kind}:app", name=_kind, help=_help)
