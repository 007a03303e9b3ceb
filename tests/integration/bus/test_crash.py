"""The server is killed in the middle of everything: nothing acknowledged is missing, nothing is doubled."""

import asyncio
import os
import signal

import anyio
import pytest
from tests.integration.bus.parts import SITE, batch, fact, sums, take, until

from s4allcities.bus import Bus, BusTimeout, NatsServer, RawDelivery
from s4allcities.domain import SystemClock

pytestmark = [pytest.mark.anyio, pytest.mark.integration]


async def kill(server: NatsServer) -> None:
    restarts = server.restarts
    os.kill(server.pid, signal.SIGKILL)
    await until(lambda: server.restarts > restarts and server.pid)


async def test_a_stream_is_followed_through_two_kills(server: NatsServer, bus: Bus) -> None:
    follower = bus.follow("OBS", ["obs.>"])
    reading = asyncio.create_task(take(follower, 400, within_s=30))
    for number in range(1, 401):
        if number in (120, 260):
            os.kill(server.pid, signal.SIGKILL)
        await bus.publish_batch(batch(number))
    messages = await reading
    assert [one.batch.raw_last[0] for one in messages] == list(range(1, 401))
    assert [one.sequence for one in messages] == list(range(1, 401))
    assert server.restarts == 2
    assert follower.restarts >= 2
    await follower.aclose()


async def test_many_publishers_through_a_kill(server: NatsServer, bus: Bus) -> None:
    async def publish(publisher: int) -> None:
        for number in range(1, 41):
            await bus.publish_events(
                [fact(publisher * 1000 + number)], stage=f"p{publisher}", sequence=number
            )

    publishing = [asyncio.create_task(publish(one)) for one in range(8)]
    await anyio.sleep(0.05)
    await kill(server)
    with anyio.fail_after(30):
        await asyncio.gather(*publishing)
    values = sums(await take(bus.follow("EVENTS", ["ctx.>"]), 320))
    assert (await bus.stream_state("EVENTS")).messages == 320
    for one in range(8):
        assert [value % 1000 for value in values if value // 1000 == one] == list(range(1, 41))


async def test_a_publish_waits_no_longer_than_it_was_told(server: NatsServer, bus: Bus) -> None:
    hasty = await Bus.connect(
        server.url,
        site=SITE,
        clock=SystemClock(),
        user=server.user,
        password=server.password,
        publish_wait_s=0.3,
    )
    os.kill(server.pid, signal.SIGSTOP)
    try:
        with anyio.fail_after(3), pytest.raises(BusTimeout, match=r"not acknowledged within 0\.3 s"):
            await hasty.publish_batch(batch(1))
    finally:
        os.kill(server.pid, signal.SIGCONT)
    await hasty.publish_batch(batch(1))
    assert (await bus.stream_state("OBS")).messages == 1
    await hasty.close()


async def test_device_messages_through_a_kill_are_given_once_and_leave(server: NatsServer, bus: Bus) -> None:
    for number in range(60):
        await bus.publish_raw("env", "smoke-01", str(number).encode())
    raw = bus.raw()
    deliveries: list[RawDelivery] = [await anext(raw) for _ in range(40)]
    for one in deliveries[:10]:
        await one.ack()
    await kill(server)
    for one in deliveries[10:20]:
        await one.ack()  # some of these words reach nobody
    await bus.publish_raw("env", "smoke-01", b"60")
    with anyio.fail_after(15):
        deliveries += [await anext(raw) for _ in range(21)]
    assert [one.message.data for one in deliveries] == [str(number).encode() for number in range(61)]
    for one in deliveries[20:]:
        await one.ack()
    with anyio.fail_after(10):
        while (await bus.stream_state("RAW")).messages:  # noqa: ASYNC110 - acks are not answered
            await anyio.sleep(0.02)


async def test_a_command_reaches_the_bus_after_a_kill(server: NatsServer, bus: Bus) -> None:
    os.kill(server.pid, signal.SIGKILL)
    await bus.send_command("sign-a", b"{}")
    assert bus.connected
