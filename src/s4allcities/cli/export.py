"""`s4 export`: writes records in outside formats."""

import asyncio
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import msgspec
from cyclopts import App, Parameter

if TYPE_CHECKING:
    from s4allcities.domain.events import Event
    from s4allcities.site import Site

__all__ = ("app", "cap")

app = App(name="export", help="Write records in outside formats.")


@app.command
def cap(
    records: Annotated[
        Path | None, Parameter(help="Records as JSON lines: incidents, alerts, courses of action, orders.")
    ] = None,
    *,
    data_dir: Annotated[
        Path | None, Parameter(help="Take the records of this installation instead of a file's.")
    ] = None,
    alert: Annotated[str, Parameter(help="The message of this alert instead of orders.")] = "",
    order: Annotated[str, Parameter(help="Only this order.")] = "",
    site: Annotated[Path, Parameter(help="The site folder.")] = Path("sites/helsinki-station"),
    out: Annotated[Path, Parameter(help="Where the CAP files go; made when needed.")] = Path("cap"),
    as_json: Annotated[
        bool, Parameter(name="--json", negative=(), help="One JSON document on stdout.")
    ] = False,
) -> int:
    """Write one CAP 1.2 file for every order among the records, private and as an exercise.

    With --alert it is one for that alert as it stands, private and with the status of its data.

    A public message is not made here: it takes two persons and the running platform.

    Example: s4 export cap --data-dir ./s4-data --out cap
    """
    from s4allcities.domain import Order
    from s4allcities.exchange.cap import CapWriter
    from s4allcities.formats.cap import CapError
    from s4allcities.site import SiteError, load_site
    from s4allcities.store.errors import StoreError

    if (records is None) == (data_dir is None):
        return _refuse("give either a file of records or --data-dir")
    files: list[str] = []
    try:
        if alert:
            events = _from_file(records) if records else _from_store(data_dir or Path())
            return _alert(events, alert, load_site(site), out, as_json)
        writer = CapWriter(out, load_site(site))
        for event in _from_file(records) if records else _from_store(data_dir or Path()):
            writer.remember(event)
            if isinstance(event, Order) and order in ("", event.id):
                files.append(str(writer.write(event)))
    except (SiteError, StoreError) as error:
        return _refuse(str(error))
    except (msgspec.MsgspecError, CapError) as error:
        return _refuse(str(error))
    except OSError as error:
        return _refuse(f"{error.filename or records}: {error.strerror}")
    if order and not files:
        return _refuse(f"there is no order {order} among the records")
    if as_json:
        print(msgspec.json.encode({"format": "CAP 1.2", "files": files}).decode())
    else:
        print("\n".join(files) or "no order among the records, so no file")
    return 0


def _alert(events: "Iterable[Event]", alert_id: str, site: "Site", out: Path, as_json: bool) -> int:
    """Write the message of one alert, in its newest version."""
    from s4allcities.domain import Alert, Incident
    from s4allcities.exchange.cap_chain import CapChains, CapRule

    chains, newest = CapChains(out, site, CapRule()), None
    for event in events:
        if isinstance(event, Incident):
            chains.remember(event)
        elif (
            isinstance(event, Alert)
            and event.id == alert_id
            and (not newest or event.version > newest.version)
        ):
            newest = event
    if newest is None:
        return _refuse(f"there is no alert {alert_id} among the records")
    path = chains.write(newest, on_demand=True)
    if as_json:
        print(msgspec.json.encode({"format": "CAP 1.2", "files": [str(path)] if path else []}).decode())
    else:
        print(path or f"alert {alert_id} has nothing new to say to what is in {out}")
    return 0


def _from_file(records: Path) -> "Iterator[Event]":
    from s4allcities.domain.events import Event

    decoder = msgspec.json.Decoder(Event)
    for number, line in enumerate(records.read_bytes().splitlines(), 1):
        if line.strip():
            try:
                yield decoder.decode(line)
            except (msgspec.MsgspecError, UnicodeDecodeError) as error:
                raise msgspec.DecodeError(f"{records}, line {number}: {error}") from None


def _from_store(data_dir: Path) -> "Iterator[Event]":
    """Give what the installation recorded, causes before orders; the platform may be running."""
    from s4allcities.security.ledger import LedgerChain
    from s4allcities.store.ledger import LedgerStore
    from s4allcities.store.opening import open_state
    from s4allcities.store.recorder import EventRecorder

    async def read() -> "list[Event]":
        database = open_state(data_dir)
        try:
            store = EventRecorder(database, LedgerStore(database, LedgerChain()))
            causes: list[Event] = [*await store.incidents(), *await store.alerts(), *await store.courses()]
            return [*causes, *await store.orders()]
        finally:
            await database.close()

    yield from asyncio.run(read())


def _refuse(message: str) -> int:
    print(f"s4 export cap: {message}", file=sys.stderr)
    return 2
