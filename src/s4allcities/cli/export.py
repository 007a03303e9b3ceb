"""`s4 export`: writes records in outside formats."""

import sys
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import App, Parameter

__all__ = ("app", "cap")

app = App(name="export", help="Write records in outside formats.")


@app.command
def cap(
    records: Annotated[
        Path, Parameter(help="Records as JSON lines: incidents, alerts, courses of action, orders.")
    ],
    *,
    site: Annotated[Path, Parameter(help="The site folder.")],
    out: Annotated[Path, Parameter(help="Where the CAP files go; made when needed.")] = Path("cap"),
    as_json: Annotated[
        bool, Parameter(name="--json", negative=(), help="One JSON document on stdout.")
    ] = False,
) -> int:
    """Write one CAP 1.2 file for every order among the records, private and as an exercise.

    A public message is not made here: it takes two persons and the running platform.

    Example: s4 export cap records.jsonl --site sites/helsinki-station --out cap
    """
    from s4allcities.domain import Order
    from s4allcities.domain.events import Event
    from s4allcities.exchange.cap import CapWriter
    from s4allcities.formats.cap import CapError
    from s4allcities.site import SiteError, load_site

    decoder = msgspec.json.Decoder(Event)
    files: list[str] = []
    where = str(records)
    try:
        writer = CapWriter(out, load_site(site))
        lines = records.read_bytes().splitlines()
        for number, line in enumerate(lines, 1):
            where = f"{records}, line {number}"
            if not line.strip():
                continue
            event = decoder.decode(line)
            writer.remember(event)
            if isinstance(event, Order):
                files.append(str(writer.write(event)))
    except SiteError as error:
        return _refuse(str(error))
    except (msgspec.MsgspecError, UnicodeDecodeError, CapError) as error:
        return _refuse(f"{where}: {error}")
    except OSError as error:
        return _refuse(f"{error.filename or where}: {error.strerror}")
    if as_json:
        print(msgspec.json.encode({"format": "CAP 1.2", "files": files}).decode())
    else:
        print("\n".join(files) or "no order among the records, so no file")
    return 0


def _refuse(message: str) -> int:
    print(f"s4 export cap: {message}", file=sys.stderr)
    return 2
