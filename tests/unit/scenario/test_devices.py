"""The devices' side: nothing is forgotten before it is acknowledged, and what is sent again is the same."""

import asyncio
import json
from pathlib import Path

import httpx
import numpy as np
import pytest

from s4allcities.scenario.devices import Account, HttpDevices, Outbox
from s4allcities.scenario.devices.backoff import BackOff
from s4allcities.scenario.files import Announcement
from s4allcities.scenario.integrator import announce
from s4allcities.scenario.signs import SignDevice
from s4allcities.scenario.world import Datum

pytestmark = pytest.mark.anyio


def datum(number: int, sensor: str = "loop-1") -> Datum:
    payload = json.dumps({"t": number, "speed_kmh": 30}).encode()
    return Datum(
        sensor=sensor, family="traffic", protocol="http", t_us=number, due_us=number, payload=payload
    )


def rows(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


async def test_an_outbox_keeps_until_acknowledged(tmp_path: Path) -> None:
    path = tmp_path / "sent.jsonl"
    with Account(path) as account:
        outbox = Outbox(account)
        for number in range(3):
            outbox.put(datum(number))
        first = await outbox.first(2)
        again = await outbox.first(2)
        assert [each.datum.t_us for each in first] == [0, 1]
        assert again == first
        outbox.acknowledged(first[0])
        assert [each.datum.t_us for each in await outbox.first(2)] == [1, 2]
        assert outbox.leave() == 2
        summary = account.summary()
    assert (summary["sent"], summary["acknowledged"]) == (3, 1)
    assert summary["by_family"] == {"traffic": {"sent": 3, "acknowledged": 1}}
    assert [(row["t_us"], row["acknowledged"]) for row in rows(path)] == [(0, True), (1, False), (2, False)]
    assert all(row["wall_us"] for row in rows(path))


async def test_a_full_outbox_drops_its_oldest_and_counts(tmp_path: Path) -> None:
    with Account(tmp_path / "sent.jsonl") as account:
        outbox = Outbox(account, most=3)
        outbox.put(datum(0))
        (oldest,) = await outbox.first(1)
        for number in range(1, 5):
            outbox.put(datum(number))
        outbox.acknowledged(oldest)  # too late: it was dropped, and counts as that
        assert len(outbox) == 3
        assert account.summary()["dropped_by_device"] == {"loop-1": 2}
        assert account.summary()["acknowledged"] == 0
        outbox.leave()


async def test_an_outbox_waits_for_news(tmp_path: Path) -> None:
    with Account(tmp_path / "sent.jsonl") as account:
        outbox = Outbox(account)
        asked = asyncio.create_task(outbox.first(5))
        await asyncio.sleep(0)
        assert not asked.done()
        outbox.put(datum(1))
        assert len(await asked) == 1
        outbox.leave()
        await asyncio.wait_for(outbox.emptied(), 1)


class Platform:
    """Answers as it is told, and remembers what it was sent."""

    def __init__(self, *answers: int) -> None:
        self.answers = list(answers)
        self.bodies: list[object] = []
        self.authorisations: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.bodies.append(json.loads(request.content))
        self.authorisations.append(request.headers.get("authorization", ""))
        status = self.answers.pop(0) if self.answers else 201
        if status == 0:
            raise httpx.ConnectError("nobody there")
        items = self.bodies[-1] if isinstance(self.bodies[-1], list) else [self.bodies[-1]]
        bad = [index for index, item in enumerate(items) if item.get("t") == 13]
        rejected = [{"index": index, "reason": "unlucky"} for index in bad]
        return httpx.Response(status, json={"accepted": len(items) - len(bad), "rejected": rejected})


async def post_all(
    tmp_path: Path, platform: Platform, numbers: range
) -> tuple[Account, list[dict[str, object]]]:
    with Account(tmp_path / "sent.jsonl") as account:
        async with HttpDevices("http://platform", account, transport=httpx.MockTransport(platform)) as http:
            outbox = Outbox(account)
            for number in numbers:
                outbox.put(datum(number))
            task = asyncio.create_task(http.run("loop-1", "secret", outbox))
            await asyncio.wait_for(outbox.emptied(), 10)
            task.cancel()
    return account, rows(tmp_path / "sent.jsonl")


async def test_http_devices_post_again_what_got_no_answer(tmp_path: Path) -> None:
    platform = Platform(0, 503, 401, 201)
    account, sent = await post_all(tmp_path, platform, range(1))
    assert len(platform.bodies) == 4
    assert all(
        body == {"family": "traffic", "sensor": "loop-1", "t": 0, "speed_kmh": 30} for body in platform.bodies
    )
    assert platform.authorisations[0] == httpx.BasicAuth("loop-1", "secret")._auth_header
    assert account.summary()["acknowledged"] == 1
    assert [row["acknowledged"] for row in sent] == [True]


async def test_http_devices_send_a_backlog_as_a_list_and_note_what_is_refused(tmp_path: Path) -> None:
    platform = Platform()
    account, sent = await post_all(tmp_path, platform, range(12, 15))
    (body,) = platform.bodies
    assert isinstance(body, list)
    assert [item["t"] for item in body] == [12, 13, 14]
    assert account.summary()["refused_by_device"] == {"loop-1": 1}
    assert [row["acknowledged"] for row in sent] == [True, False, True]


async def test_http_400_means_refused_for_good(tmp_path: Path) -> None:
    account, _ = await post_all(tmp_path, Platform(400), range(1))
    assert account.summary()["refused_by_device"] == {"loop-1": 1}


async def test_back_off_grows_to_one_second_and_starts_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    back_off = BackOff()
    for _ in range(6):
        await back_off.wait()
    back_off.reset()
    await back_off.wait()
    assert waits == [0.1, 0.2, 0.4, 0.8, 1.0, 1.0, 0.1]


FACT = Announcement(
    subject="10.20.4.9", attribute="planned_scan", value=True, reason="inventory", lasts_s=60.0
)


async def test_the_integrator_signs_in_and_states_facts() -> None:
    asked: list[tuple[str, dict[str, object], str]] = []

    def platform(request: httpx.Request) -> httpx.Response:
        asked.append((request.url.path, json.loads(request.content), request.headers.get("x-csrf-token", "")))
        if len(asked) == 1:
            raise httpx.ConnectError("not yet")
        return httpx.Response(201, json={"csrf": "c1"})

    taken = await announce("http://p", "token", [FACT], 0, transport=httpx.MockTransport(platform))
    assert taken == 1
    assert [path for path, _, _ in asked] == ["/api/v1/session", "/api/v1/session", "/api/v1/context"]
    _, fact, csrf = asked[-1]
    assert csrf == "c1"
    assert fact == {
        "subject": "10.20.4.9",
        "attribute": "planned_scan",
        "value": True,
        "reason": "inventory",
        "until": "1970-01-01T00:01:00.000000+00:00",
    }


async def test_without_token_or_leave_no_fact_is_stated() -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        return httpx.Response(401 if request.url.path.endswith("session") else 403, json={})

    assert await announce("http://p", "", [FACT], 0, transport=httpx.MockTransport(refuse)) == 0
    assert await announce("http://p", "used", [FACT], 0, transport=httpx.MockTransport(refuse)) == 0

    def only_session(request: httpx.Request) -> httpx.Response:
        return httpx.Response(201 if request.url.path.endswith("session") else 403, json={})

    assert await announce("http://p", "t", [FACT], 0, transport=httpx.MockTransport(only_session)) == 0


async def test_a_sign_refuses_what_is_no_command() -> None:
    sign = SignDevice(np.random.default_rng(1))
    for data in (
        b"",
        b"[]",
        b'{"id": ""}',
        b'{"id": "", "show": "x"}',
        b'{"id": "c", "show": "' + b"x" * 501 + b'"}',
    ):
        assert sign.command(data) is None
    assert sign.refused == 5
    first = sign.command(b'{"id": "c1", "show": "A"}')
    again = sign.command(b'{"id": "c1", "show": "A"}')
    assert first is not None
    assert again is not None
    assert (first.command, again.showing) == ("c1", "A")
    assert json.loads(sign.status(0)) == {
        "t": "1970-01-01T00:00:00.000000+00:00",
        "status": "ok",
        "showing": "A",
    }
