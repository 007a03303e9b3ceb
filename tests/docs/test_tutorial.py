"""The first tutorial works, command by command, on a real platform."""

import json
import re
import shutil
import socket
import urllib.request
from collections.abc import Iterator
from http.cookiejar import CookieJar
from pathlib import Path
from typing import Any

import pytest
from tests.docs.walkthrough import Reader, blocks, shows

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "tutorial" / "first-sensor.md").read_text(encoding="utf-8")
NEEDED = ("bash", "curl", "mosquitto_pub")
MISSING = [name for name in NEEDED if shutil.which(name) is None]


def free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    (tmp_path / "sites").symlink_to(ROOT / "sites")
    reader = Reader(tmp_path, {"8080": free_port(), "1883": free_port()})
    yield reader
    reader.close()


class Page:
    """What the page would show to the operator of a data directory's first link."""

    def __init__(self, data_dir: Path) -> None:
        self._url = json.loads((data_dir / "running.json").read_bytes())["url"]
        self._open = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar())).open
        links = json.loads((data_dir / "first-links.json").read_bytes())
        token = next(link["token"] for link in links if link["name"] == "operator")
        body = json.dumps({"token": token}).encode()
        self._open(self._request("session", body)).close()

    def _request(self, name: str, body: bytes | None = None) -> urllib.request.Request:
        headers = {"content-type": "application/json"}
        return urllib.request.Request(f"{self._url}/api/v1/{name}", data=body, headers=headers)

    def read(self, name: str) -> Any:
        with self._open(self._request(name)) as answer:
            return json.loads(answer.read())


def sensor_and_mode_are_shown(picture: dict[str, Any]) -> None:
    mine = next(each for each in picture["sensors"].values() if each["id"] == "lobby-thermometer")
    assert mine["values"]["heat_c"]["unit"] == "°C"
    assert picture["platform"]["now"]["mode"] == "exercise"


def one_sensor_confirms_nothing(picture: dict[str, Any]) -> None:
    assert "smoke" in {each["kind"] for each in picture["detections"].values()}
    assert (picture["incidents"], picture["alerts"]) == ({}, {})


def a_fire_has_an_alert_and_a_way_out(picture: dict[str, Any]) -> None:
    (fire,) = (each for each in picture["incidents"].values() if each["status"] == "confirmed")
    assert (fire["hypothesis"], fire["zones"]) == ("fire", ["ticket-hall"])
    (alert,) = picture["alerts"].values()
    assert alert["title"] == "Fire, ticket hall, level \N{MINUS SIGN}1"
    assert any(course["routes"] for course in picture["courses"].values())


@pytest.mark.integration
@pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}")
@pytest.mark.timeout(400)
def test_first_sensor(reader: Reader) -> None:
    one_sensor, four_sensors, rest = re.split(r"^## (?:Cause an alert|Stop,).*$", PAGE, flags=re.MULTILINE)
    reader.follow(one_sensor)
    page = Page(reader.folder / "s4-data")
    sensor_and_mode_are_shown(page.read("picture")["picture"])
    one_sensor_confirms_nothing(page.read("picture")["picture"])
    rejected = page.read("rejected")["by_reason"]
    assert (rejected["too old"], sum(rejected.values())) == (1, 2)
    reader.follow(four_sensors)
    a_fire_has_an_alert_and_a_way_out(page.read("picture")["picture"])
    reader.follow(rest)


def test_blocks_know_their_comments() -> None:
    first, second = blocks("<!-- own terminal: a b -->\n```sh\nx\n```\n\n```text\ny\n```\n")
    assert (first.word, first.what, first.text) == ("own terminal", "a b", "x\n")
    assert (second.language, second.word) == ("text", "")


def test_dots_stand_for_any_text() -> None:
    assert shows("one ... three\n...", "zero\none two three\n")
    assert not shows("one two", "one\ntwo")
