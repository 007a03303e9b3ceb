"""`s4 warm`: compile the numeric kernels, so that the first start is quick."""

from pathlib import Path

from cyclopts import App

__all__ = ("app", "warm")

app = App(name="warm", help="Compile the numeric kernels once, so that starts are quick.")


@app.default
def warm(site: Path = Path("sites/helsinki-station")) -> int:
    """Compile every kernel and keep the result beside the code; set-up calls this.

    Example: s4 warm
    """
    from s4allcities.app.warm import warm_up

    warm_up(site)
    return 0
