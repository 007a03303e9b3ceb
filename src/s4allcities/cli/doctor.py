"""`s4 doctor`: checks an installation."""

import sys
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import App, Parameter

__all__ = ("app", "doctor")

app = App(name="doctor", help="Check an installation and say what is wrong.")

_MARKS = {"ok": "ok   ", "note": "note ", "fault": "FAULT"}


@app.default
def doctor(
    *,
    config: Annotated[Path | None, Parameter(help="The platform's settings (TOML), if it has any.")] = None,
    data_dir: Annotated[Path | None, Parameter(help="Where the platform keeps everything.")] = None,
    site: Annotated[Path | None, Parameter(help="The site folder.")] = None,
    as_json: Annotated[
        bool, Parameter(name="--json", negative=(), help="One JSON document on stdout.")
    ] = False,
) -> int:
    """Check programs, page, site, data directory, database, ledger and disk; and the platform, if one runs there.

    Exit code 0 if nothing has to be mended, 1 otherwise.

    Example: s4 doctor --data-dir ./s4-data
    """
    from s4allcities.app.config import ConfigError, load_config
    from s4allcities.app.doctor import examine
    from s4allcities.app.logs import set_up_logs

    set_up_logs()
    try:
        settings = load_config(config)
    except ConfigError as error:
        print(f"s4 doctor: {error}", file=sys.stderr)
        return 2
    heads = Path(settings.heads) if settings.heads else None
    report = examine(data_dir or Path(settings.data_dir), site or Path(settings.site), heads)
    if as_json:
        print(msgspec.json.encode(report).decode())
    else:
        width = max(len(check.name) for check in report.checks)
        for check in report.checks:
            print(f"{_MARKS[check.state]} {check.name:{width}}  {check.text}")
        print("all is well" if report.ok else "something has to be mended")
    return 0 if report.ok else 1
