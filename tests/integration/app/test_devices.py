"""What devices send by MQTT, HTTP and files: taken, or refused with a reason, and counted."""

import json
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import httpx
import pytest
from tests.integration.app.parts import Installation, Person, rfc3339, until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]


def post(
    platform: Installation, body: bytes, *, device: str = "loop-simonkatu", **query: str
) -> httpx.Response:
    return httpx.post(
        f"{platform.url}/api/v1/observations",
        content=body,
        params=query,
        auth=(device, platform.password_of(device)),
        trust_env=False,
    )


def live(person: Person, sensor: str) -> dict[str, Any]:
    found: dict[str, Any] = person.picture()["sensors"].get(sensor, {}).get("values", {})
    return found


def reading(**values: Any) -> bytes:
    return json.dumps({"t": rfc3339(time.time()), **values}).encode()


def test_one_reading_by_http_becomes_a_live_value(platform: Installation, operator: Person) -> None:
    answer = post(platform, reading(speed_kmh=31.5, flow_per_h=620), family="traffic")
    assert (answer.status_code, answer.json()) == (201, {"accepted": 1, "rejected": []})
    values = until(lambda: live(operator, "loop-simonkatu"), "live value")
    assert values["speed_kmh"]["value"] == 31.5
    assert values["speed_kmh"]["unit"] == "km/h"


def test_a_list_and_lines_by_http(platform: Installation, operator: Person) -> None:
    rows = [{"t": rfc3339(time.time() - 1 + k / 10), "speed_kmh": 20 + k} for k in range(3)]
    as_list = post(platform, json.dumps(rows).encode(), family="traffic")
    assert as_list.json()["accepted"] == 3
    lines = b"\n".join(reading(speed_kmh=40 + k) for k in range(2))
    assert post(platform, lines, family="traffic").json()["accepted"] == 2
    until(lambda: live(operator, "loop-simonkatu")["speed_kmh"]["value"] == 41, "the last line")
    history = operator.get("/api/v1/sensors/loop-simonkatu/history?minutes=5").json()
    assert {20.0, 21.0, 22.0, 40.0, 41.0} <= {value for _, value in history["speed_kmh"]}


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"{not json", "not JSON"),
        (b"[]", "no reading"),
        (b"[1]", "not an object"),
        (b"\xff\xfe", "not JSON"),
        (b'{"family": "../x", "v": 1}', "bad field: family"),
    ],
)
def test_a_malformed_body_is_refused_with_a_reason_and_counted(
    platform: Installation, integrator: Person, body: bytes, reason: str
) -> None:
    answer = post(platform, body, family="traffic")
    assert answer.status_code == 400
    assert answer.json()["accepted"] == 0
    assert answer.json()["rejected"][0]["reason"].startswith(reason)
    category = reason.partition(":")[0]
    rejected = until(
        lambda: integrator.get("/api/v1/rejected").json()["by_reason"].get(category), f"{category} counted"
    )
    assert rejected >= 1


def test_an_empty_body_says_what_is_wanted(platform: Installation) -> None:
    answer = post(platform, b"", family="traffic")
    assert answer.status_code == 400
    assert "rejected" in answer.json() or "object" in answer.json()["detail"]


def test_part_of_a_body_can_be_right(platform: Installation) -> None:
    body = json.dumps([{"speed_kmh": 10}, 7, {"sensor": "weather-1", "speed_kmh": 1}]).encode()
    answer = post(platform, body, family="traffic")
    assert (answer.status_code, answer.json()["accepted"]) == (201, 1)
    reasons = {each["index"]: each["reason"] for each in answer.json()["rejected"]}
    assert reasons[1].startswith("not an object")
    assert reasons[2] == "sensor 'weather-1': your credential speaks for 'loop-simonkatu' only"


def test_a_wrong_or_missing_device_password_is_refused(platform: Installation) -> None:
    for auth in (None, ("loop-simonkatu", "wrong"), ("nobody", "x"), ("loop-simonkatu", "")):
        answer = httpx.post(f"{platform.url}/api/v1/observations", content=b"{}", auth=auth, trust_env=False)
        assert answer.status_code == 401
        assert "basic" in answer.json()["detail"]
    for header in ("Basic", "Basic ***", "Basic /w==", "Bearer x"):
        answer = httpx.post(
            f"{platform.url}/api/v1/observations", content=b"{}", headers={"authorization": header},
            trust_env=False,
        )  # fmt: skip
        assert answer.status_code == 401


def test_mqtt_readings_become_live_values(platform: Installation, operator: Person) -> None:
    with platform.device("heat-02") as device:
        device.send("env", {"t": rfc3339(time.time()), "heat_c": 23.25})
    until(lambda: live(operator, "heat-02").get("heat_c", {}).get("value") == 23.25, "live value")


def test_mosquitto_speaks_to_us_too(platform: Installation, operator: Person) -> None:
    program = shutil.which("mosquitto_pub")
    if program is None:
        pytest.skip("no mosquitto_pub here; `scripts/install-system.sh test` brings it")
    subprocess.run(
        [program, "-h", "127.0.0.1", "-p", str(platform.running["mqtt_port"]), "-u", "heat-03",
         "-P", platform.password_of("heat-03"), "-i", "heat-03", "-q", "1",
         "-t", f"s4/{platform.running['site']}/raw/env/heat-03", "-m", reading(heat_c=19.5).decode()],
        check=True, timeout=15,
    )  # fmt: skip
    until(lambda: live(operator, "heat-03").get("heat_c", {}).get("value") == 19.5, "live value")


def test_a_malformed_mqtt_message_is_rejected_with_its_reason(
    platform: Installation, integrator: Person
) -> None:
    before = integrator.accounting()["account"]["rejected"]
    with platform.device("heat-04") as device:
        device.send("env", b"{broken", {"t": "yesterday", "heat_c": 1}, b"[3]")
    until(lambda: integrator.accounting()["account"]["rejected"] == before + 3, "three rejected")
    newest = integrator.get("/api/v1/rejected").json()["newest"]
    mine = [each for each in newest if each["source"] == "env/heat-04"]
    assert {each["reason"] for each in mine} >= {"not JSON", "bad time"}
    assert all(each["detail"] for each in mine)


def test_a_device_may_not_speak_for_another_on_mqtt(platform: Installation, operator: Person) -> None:
    before = operator.accounting()["account"]["refused_by_broker"]
    with platform.device("heat-05") as device:
        device._client.publish(f"s4/{device.site}/raw/env/heat-06", b'{"heat_c": 99}', qos=0)
        until(lambda: operator.accounting()["account"]["refused_by_broker"] > before, "refusal counted")
    assert not live(operator, "heat-06")


def test_a_device_described_by_a_mapping_file(platform: Installation, operator: Person) -> None:
    with platform.device("box-1") as device:
        device.send("lobby", {"data": {"temp": 214}})
    values = until(lambda: live(operator, "box-1"), "mapped value")
    assert values["heat_c"]["value"] == pytest.approx(21.4)


def test_a_new_credential_is_taken_over_while_running(platform: Installation, operator: Person) -> None:
    from s4allcities.cli.devices import add

    assert add("pop-up-1", data_dir=platform.data) == 0

    def connected() -> bool:
        try:
            with platform.device("pop-up-1") as device:
                device.send("env", {"t": rfc3339(time.time()), "heat_c": 18.0})
        except AssertionError:
            return False
        return True

    time.sleep(2.5)  # the file is looked at every two seconds
    assert connected()
    until(lambda: live(operator, "pop-up-1").get("heat_c"), "live value")


@contextmanager
def appended(path: Path) -> Iterator[Callable[[Any], None]]:
    with path.open("ab", buffering=0) as file:
        yield lambda line: _written(file, line)


def _written(file: IO[bytes], line: Any) -> None:
    file.write(json.dumps(line).encode() + b"\n")


def eve(signature: str) -> dict[str, Any]:
    return {
        "timestamp": rfc3339(time.time()), "event_type": "alert", "src_ip": "10.20.0.66", "src_port": 4711,
        "dest_ip": "10.20.0.11", "dest_port": 502, "proto": "TCP",
        "alert": {"signature_id": 2, "signature": signature, "severity": 1, "category": "Attempted"},
    }  # fmt: skip


def test_an_eve_log_is_followed_through_rotation(
    platform: Installation, operator: Person, eve_log: Path
) -> None:
    def counted() -> int:
        return int(operator.accounting()["account"]["decided"])

    before = counted()
    with appended(eve_log) as write:
        write(eve("first"))
        until(lambda: counted() >= before + 1, "first line")
        eve_log.rename(eve_log.with_suffix(".1"))
        write(eve("late, into the old file"))
    with appended(eve_log) as write:
        write(eve("after rotation"))
    until(lambda: counted() >= before + 3, "three lines")
    assert json.loads((platform.data / "eve" / "ids-1.json").read_text())["offset"] == eve_log.stat().st_size


def test_facts_stated_through_the_api_are_checked(integrator: Person, operator: Person) -> None:
    wrong = integrator.post(
        "/api/v1/context", {"subject": "ticket-hall", "attribute": "people", "value": "many"}
    )
    assert (wrong.status_code, wrong.json()["detail"]) == (
        400, "people is 'many'; allowed are numbers of 0 or above",
    )  # fmt: skip
    odd = {"subject": "exit-a", "attribute": "exit_state", "value": "ajar"}
    assert "usable, doubtful, unusable" in integrator.post("/api/v1/context", odd).json()["detail"]
    right = {
        "subject": "exit-h", "attribute": "exit_state", "value": "unusable", "reason": "closed for works",
        "until": rfc3339(time.time() + 3600),
    }  # fmt: skip
    assert integrator.post("/api/v1/context", right).status_code == 201
    exits = operator.picture()["exits"]
    slug = "exit-h" if "exit-h" in exits else next(iter(exits))
    if slug != "exit-h":
        assert integrator.post("/api/v1/context", right | {"subject": slug}).status_code == 201
    until(lambda: operator.picture()["exits"][slug]["state"] == "unusable", "exit shown unusable")
    assert integrator.post("/api/v1/context", right | {"subject": slug, "value": "usable"}).status_code == 201
    until(lambda: operator.picture()["exits"][slug]["state"] == "usable", "exit shown usable again")
