"""Hostile devices at a whole platform: everything is counted with its reason, nothing crashes, good readings go on."""

import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx
import paho.mqtt.client as mqtt
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from tests.integration.app.parts import Installation, Person, rfc3339, until

from s4allcities.scenario.hostile import hostile_payloads

pytestmark = [pytest.mark.integration, pytest.mark.timeout(600)]
COUNTS = [600, pytest.param(10_000, marks=pytest.mark.slow)]


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    installation = Installation(tmp_path_factory.mktemp("hostile"), 'devices = ["mad-1", "mad-2"]\n')
    try:
        installation.start()
        yield installation
    finally:
        installation.close()


@pytest.fixture(scope="module")
def operator(platform: Installation) -> Person:
    return platform.person("operator")


def counts(operator: Person) -> Counter[str]:
    account = operator.accounting()["account"]
    return Counter({name: account[name] for name in ("decided", "rejected", "duplicates", "expired")})


def by_source(operator: Person, prefix: str) -> Counter[str]:
    found: Counter[str] = Counter()
    for row in operator.accounting()["rejected"]:
        if row["source"].startswith(prefix):
            found[row["reason"]] += row["count"]
    return found


@pytest.mark.parametrize("count", COUNTS)
def test_by_mqtt(platform: Installation, operator: Person, count: int) -> None:
    before = counts(operator)
    payloads = [each.data for each in hostile_payloads(count, count, time.time_ns() // 1000)]
    with platform.device("mad-1") as mad, platform.device("heat-33") as good:
        for begin in range(0, count, 200):
            mad.send("env", *payloads[begin : begin + 200])
            good.send("env", {"t": rfc3339(time.time()), "heat_c": 21 + begin / 1e4})
    sent = count + len(range(0, count, 200))
    until(lambda: sum((counts(operator) - before).values()) >= sent, "all accounted for", within_s=60)
    became = counts(operator) - before
    assert sum(became.values()) == sent
    assert became["expired"] == 0
    assert became["duplicates"] >= count // 15 - 1
    reasons = by_source(operator, "env/mad-1")
    assert {"not JSON", "too large", "nested too deep", "future time", "too old"} & set(reasons)
    assert sum(reasons.values()) >= became["rejected"] > count // 2
    assert all(reasons)


@pytest.mark.parametrize("count", COUNTS)
def test_by_http(platform: Installation, operator: Person, count: int) -> None:
    before, refused = counts(operator), sum(by_source(operator, "http/mad-2").values())
    taken = turned_away = 0
    with httpx.Client(base_url=platform.url, trust_env=False, timeout=30) as client:
        for payload in hostile_payloads(count + 1, count, time.time_ns() // 1000):
            answer = client.post(
                "/api/v1/observations?family=env",
                content=payload.data,
                auth=("mad-2", platform.password_of("mad-2")),
            )
            assert answer.status_code in (201, 400), (payload.kind, answer.text)
            body = answer.json()
            taken += body.get("accepted", 0)
            turned_away += len(body.get("rejected", ()))
    until(lambda: sum((counts(operator) - before).values()) >= taken, "all accounted for", within_s=60)
    assert sum((counts(operator) - before).values()) == taken
    until(
        lambda: sum(by_source(operator, "http/mad-2").values()) - refused >= turned_away,
        "all refusals recorded",
    )
    assert sum(by_source(operator, "http/mad-2").values()) - refused == turned_away
    assert turned_away > count // 4


def test_what_the_broker_refuses_is_counted_by_kind(platform: Installation, operator: Person) -> None:
    before = Counter(operator.accounting()["refused_by_broker"])
    with platform.device("mad-1") as device:
        device._client.publish(f"s4/{platform.site}/raw/env/heat-33", b"{}", qos=0)
        device._client.publish("somewhere/else", b"{}", qos=0)
        until(lambda: _new(operator, before)["publish"] >= 2, "foreign topics are counted")
        device._client.publish(f"s4/{platform.site}/raw/env/mad-1", bytes(9 << 20), qos=0)
        until(lambda: _new(operator, before)["protocol"] >= 1, "a payload over the limit is counted")
    stranger = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="stranger")
    stranger.username_pw_set("mad-1", "a guess at it")
    stranger.connect("127.0.0.1", int(platform.running["mqtt_port"]))
    stranger.loop_start()
    until(lambda: _new(operator, before)["authentication"] >= 1, "wrong credentials are counted")
    stranger.disconnect()
    stranger.loop_stop()
    assert operator.accounting()["account"]["refused_by_broker"] >= 4


def _new(operator: Person, before: Counter[str]) -> Counter[str]:
    return Counter(operator.accounting()["refused_by_broker"]) - before


def test_afterwards_all_is_well_and_little_is_kept(
    platform: Installation, operator: Person, tmp_path: Path
) -> None:
    report = operator.accounting()
    assert report["parts"] == dict.fromkeys(report["parts"], True)
    assert all(stage["running"] and not stage["errors"] for stage in report["stages"])
    assert report["streams"]["RAW"]["messages"] == 0
    assert sum(path.stat().st_size for path in platform.data.rglob("*") if path.is_file()) < 200 << 20
