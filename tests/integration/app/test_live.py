"""The live picture: a snapshot, numbered deltas, and going on by number."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import pytest
from tests.integration.app.parts import Installation, Person, rfc3339
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

Json = dict[str, Any]


@contextmanager
def socket(person: Person, query: str = "", origin: str | None = None) -> Iterator[ClientConnection]:
    address = str(person.http.base_url).replace("http", "ws", 1).rstrip("/") + f"/api/v1/live{query}"
    headers = {"cookie": person.cookie} | ({"origin": origin} if origin else {})
    with connect(address, additional_headers=headers, max_size=None, proxy=None) as opened:
        yield opened


def frame(opened: ClientConnection) -> Json:
    found: Json = msgspec.msgpack.decode(opened.recv(timeout=10, decode=False))
    return found


def of_type(opened: ClientConnection, kind: str) -> Json:
    while (found := frame(opened))["type"] != kind:
        pass
    return found


def closing_code(opened: ClientConnection) -> int:
    """Read until the other side closes."""
    try:
        while True:
            opened.recv(timeout=15)
    except ConnectionClosed as closed:
        return closed.rcvd.code if closed.rcvd else 0


def speak(platform: Installation, value: float) -> None:
    with platform.device("heat-07") as device:
        device.send("env", {"t": rfc3339(time.time()), "heat_c": value})


def changed(opened: ClientConnection, value: float) -> Json:
    """The delta in which the sensor has this value."""
    while True:
        delta = of_type(opened, "delta")
        for change in delta["changes"]:
            if change["in"] == "sensors" and change["id"] == "heat-07":
                values = change["value"]["values"]
                if values and values["heat_c"]["value"] == value:
                    return delta


def test_snapshot_deltas_and_going_on_by_number(platform: Installation, operator: Person) -> None:
    with socket(operator) as first:
        snapshot = frame(first)
        assert snapshot["type"] == "snapshot"
        assert set(snapshot["picture"]) >= {
            "alerts",
            "sensors",
            "zones",
            "exits",
            "streets",
            "platform",
            "log",
        }
        speak(platform, 20.5)
        delta = changed(first, 20.5)
        assert delta["epoch"] == snapshot["epoch"]
        assert delta["seq"] > snapshot["seq"]
        following = of_type(first, "delta")
        assert following["seq"] == delta["seq"] + 1
        tick = of_type(first, "tick")
        assert abs(tick["t_us"] / 1e6 - time.time()) < 5
    speak(platform, 21.5)  # while nobody looks
    with socket(operator, f"?epoch={delta['epoch']}&after={delta['seq']}") as again:
        assert (frame(again) | {"changes": 0}) == (following | {"changes": 0})
        changed(again, 21.5)


@pytest.mark.parametrize(
    "query", ["?epoch=other&after=5", "?after=x", "?epoch=&after=-1", "?after=99999999999999"]
)
def test_an_unknown_place_gives_the_whole_picture(operator: Person, query: str) -> None:
    with socket(operator, query) as opened:
        assert frame(opened)["type"] == "snapshot"


def test_nobody_and_other_sites_do_not_look(operator: Person) -> None:
    with pytest.raises(InvalidStatus), socket(operator, origin="https://elsewhere.example"):
        pass
    with socket(operator, origin=str(operator.http.base_url).rstrip("/")) as opened:
        assert frame(opened)["type"] == "snapshot"
    address = str(operator.http.base_url).replace("http", "ws", 1).rstrip("/") + "/api/v1/live"
    with pytest.raises(InvalidStatus), connect(address, proxy=None):
        pass


def test_what_a_page_says_does_no_harm(operator: Person) -> None:
    with socket(operator) as opened:
        frame(opened)
        opened.send("text")
        opened.send(b"\xc1bytes")
        assert of_type(opened, "tick")
        opened.send(b"x" * 200_000)
        assert closing_code(opened) == 1009
    with socket(operator) as opened:
        assert frame(opened)["type"] == "snapshot"


def test_the_socket_closes_when_the_session_ends(platform: Installation) -> None:
    person = platform.person("leo", "operator")
    with socket(person) as opened:
        frame(opened)
        platform.users(lambda users: users.disable("leo"))
        assert closing_code(opened) == 4401
