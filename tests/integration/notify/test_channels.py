"""Mail, webhook and syslog against servers that the test starts, and the receipts they leave."""

import asyncio
import hmac
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from email import message_from_bytes, policy
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
import pytest

from s4allcities.domain import Alert, Event, ManualClock, Notification
from s4allcities.exchange.notify import ChannelConfig, Notifier, NotifyError, check_channels, make_channel

pytestmark = [pytest.mark.integration, pytest.mark.anyio]
ALERT = Alert(
    id="01ALERT", t_us=1_700_000_000_000_000, version=1, level="critical", state="new", incident_id="01I",
    hypothesis="fire", zone="ticket-hall", t_annunciated_us=1_700_000_000_000_000, title="Fire, ticket hall",
    lines=("Fire in the ticket hall.", "97 % sure: smoke and heat.", "Order evacuation before 17:43."),
)  # fmt: skip
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def server(serve: Serve) -> AsyncIterator[int]:
    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield listening.sockets[0].getsockname()[1]
    finally:
        listening.close()
        await listening.wait_closed()


class MailServer:
    """Speaks enough SMTP (RFC 5321) to take a mail, and to refuse a recipient or its content."""

    def __init__(self, refuse: str = "") -> None:
        self.mails: list[tuple[str, bytes]] = []
        self.refuse = refuse
        self.connections = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        recipient = ""
        writer.write(b"220 test ESMTP\r\n")
        while line := await reader.readline():
            verb = line[:4].upper()
            if verb == b"DATA":
                writer.write(b"354 go on\r\n")
                body = await reader.readuntil(b"\r\n.\r\n")
                if self.refuse == "data":
                    writer.write(b"552 too much\r\n")
                    continue
                self.mails.append((recipient, body))
                writer.write(f"250 taken as {len(self.mails)}\r\n".encode())
            elif verb == b"RCPT":
                recipient = line.decode().partition("<")[2].partition(">")[0]
                writer.write(b"550 no such person\r\n" if self.refuse == "rcpt" else b"250 ok\r\n")
            elif verb == b"QUIT":
                writer.write(b"221 bye\r\n")
                break
            else:
                writer.write(b"250 ok\r\n")
        await writer.drain()
        writer.close()


class WebServer:
    """Takes one request a connection and answers with a status."""

    def __init__(self, status: str = "204 No Content") -> None:
        self.requests: list[tuple[dict[str, str], bytes]] = []
        self.status = status

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {k.lower(): v for k, _, v in (line.partition(": ") for line in head[1:] if line)}
        body = await reader.readexactly(int(headers["content-length"]))
        self.requests.append((headers, body))
        writer.write(f"HTTP/1.1 {self.status}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".encode())
        await writer.drain()
        writer.close()


def mail(port: int, **changes: Any) -> ChannelConfig:
    given: dict[str, Any] = {
        "name": "mail", "kind": "smtp", "host": "127.0.0.1", "port": port, "sender": "s4@city.example",
        "recipients": ("duty@city.example",), "security": "none",
    }  # fmt: skip
    return ChannelConfig(**(given | changes))


def hook(port: int, folder: Path, **changes: Any) -> ChannelConfig:
    secret = folder / "hook.key"
    secret.write_text("a secret of this test\n")
    given: dict[str, Any] = {"name": "hook", "kind": "webhook", "url": f"http://127.0.0.1:{port}/alerts"}
    return ChannelConfig(**(given | {"secret_file": str(secret)} | changes))


async def test_a_mail_says_the_three_lines_and_the_receipt_is_the_servers_word() -> None:
    box = MailServer()
    async with server(box.serve) as port:
        channel = make_channel(mail(port))
        assert await channel.send(ALERT, "duty@city.example", "Station") == "250 taken as 1"
    ((recipient, body),) = box.mails
    message = message_from_bytes(body.replace(b"\r\n.\r\n", b"\r\n"), policy=policy.default)
    assert recipient == "duty@city.example"
    assert message["Subject"] == "[critical] Fire, ticket hall (Station)"
    assert message["X-S4-Alert"] == "01ALERT"
    text = message.get_content()
    for line in ALERT.lines:
        assert line in text


async def test_what_is_not_live_says_so_first() -> None:
    box = MailServer()
    async with server(box.serve) as port:
        exercise = msgspec.structs.replace(ALERT, mode="exercise")
        await make_channel(mail(port)).send(exercise, "duty@city.example", "Station")
    message = message_from_bytes(box.mails[0][1], policy=policy.default)
    assert message["Subject"].startswith("EXERCISE: ")
    assert message.get_content().startswith("EXERCISE. Nothing of this is real.")


@pytest.mark.parametrize(("refuse", "words"), [("rcpt", "550 no such person"), ("data", "552 too much")])
async def test_a_mail_that_is_refused_says_why(refuse: str, words: str) -> None:
    async with server(MailServer(refuse).serve) as port:
        with pytest.raises(NotifyError, match=words):
            await make_channel(mail(port)).send(ALERT, "duty@city.example", "Station")


async def test_a_webhook_is_signed_and_its_receiver_can_tell(tmp_path: Path) -> None:
    web = WebServer()
    async with server(web.serve) as port:
        channel = make_channel(hook(port, tmp_path))
        assert await channel.send(ALERT, channel.recipients[0], "Station") == "HTTP 204"
    ((headers, body),) = web.requests
    signed = headers["x-s4-timestamp"].encode() + b"." + body
    assert headers["x-s4-signature"] == hmac.new(b"a secret of this test", signed, sha256).hexdigest()
    told = msgspec.json.decode(body)
    assert (told["site"], told["alert"]["id"], told["alert"]["level"]) == ("Station", "01ALERT", "critical")
    assert "grounds" not in told["alert"]


async def test_a_webhook_that_fails_is_no_receipt(tmp_path: Path) -> None:
    async with server(WebServer("503 Busy").serve) as port:
        channel = make_channel(hook(port, tmp_path))
        with pytest.raises(NotifyError, match="HTTP 503"):
            await channel.send(ALERT, channel.recipients[0], "Station")


async def test_syslog_by_tcp_is_one_counted_frame() -> None:
    got: asyncio.Queue[bytes] = asyncio.Queue()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        got.put_nowait(await reader.read())
        writer.close()

    async with server(serve) as port:
        config = ChannelConfig(name="log", kind="syslog", host="127.0.0.1", port=port)
        receipt = await make_channel(config).send(ALERT, f"127.0.0.1:{port}", "Station")
        frame = await asyncio.wait_for(got.get(), 5)
    count, _, message = frame.partition(b" ")
    assert int(count) == len(message)
    assert message.startswith(b"<82>1 2023-11-14T22:13:20.000000+00:00 ")
    assert (
        b'[s4@32473 alert="01ALERT" level="critical" state="new" zone="ticket-hall" mode="live"]' in message
    )
    assert receipt == f"{len(message)} bytes by tcp"


async def test_syslog_by_udp() -> None:
    got: asyncio.Queue[bytes] = asyncio.Queue()

    class Listener(asyncio.DatagramProtocol):
        def datagram_received(self, data: bytes, addr: Any) -> None:
            got.put_nowait(data)

    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(Listener, local_addr=("127.0.0.1", 0))
    try:
        port = transport.get_extra_info("sockname")[1]
        config = ChannelConfig(name="log", kind="syslog", host="127.0.0.1", port=port, transport="udp")
        assert "unconfirmed" in await make_channel(config).send(ALERT, "x", "Station")
        assert (await asyncio.wait_for(got.get(), 5)).startswith(b"<82>1 ")
    finally:
        transport.close()


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (ChannelConfig(name="m", kind="smtp"), "smtp needs host, sender and recipients"),
        (ChannelConfig(name="w", kind="webhook", url="ftp://x", secret_file="k"), "allowed is http or https"),
        (ChannelConfig(name="w", kind="webhook", url="http://x"), "webhook needs secret_file"),
        (ChannelConfig(name="s", kind="syslog"), "syslog needs host"),
        (ChannelConfig(name="s", kind="syslog", host="x", port=70_000), "allowed are 0 to 65535"),
    ],
)
def test_settings_that_cannot_work_are_refused(config: ChannelConfig, words: str) -> None:
    with pytest.raises(NotifyError, match=words):
        check_channels([config])


# --- who is told, when ----------------------------------------------------------------------------------


class Told:
    def __init__(self) -> None:
        self.receipts: list[Notification] = []

    async def publish(self, event: Event) -> None:
        assert isinstance(event, Notification)
        self.receipts.append(event)

    def states(self) -> list[str]:
        return [each.state for each in self.receipts]


@asynccontextmanager
async def telling(port: int, told: Told, **options: Any) -> AsyncIterator[Notifier]:
    given: dict[str, Any] = {"share": {"fire": "automatic"}, "retry_s": (0.01,)}
    notifier = Notifier(
        [make_channel(mail(port))], publish=told.publish, clock=ManualClock(5), site="S", **(given | options)
    )
    running = asyncio.create_task(notifier.run())
    try:
        yield notifier
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not holds():  # noqa: ASYNC110 - what is waited for happens in a server of the test
            await asyncio.sleep(0.01)


async def test_an_automatic_type_goes_out_at_once_and_once() -> None:
    box, told = MailServer(), Told()
    async with server(box.serve) as port, telling(port, told) as notifier:
        await notifier.follow([ALERT])
        await until(lambda: told.states() == ["sent"])
        newer = msgspec.structs.replace(ALERT, version=2, probability=0.99)
        await notifier.follow([newer, ALERT])
        escalated = msgspec.structs.replace(
            ALERT, version=3, state="escalated", escalation_step=1, escalated_to="chief"
        )
        await notifier.follow([escalated])
        await until(lambda: told.states() == ["sent", "sent"])
    assert len(box.mails) == 2
    assert told.receipts[0].receipt == "250 taken as 1"
    assert "Escalated to chief" in message_from_bytes(box.mails[1][1], policy=policy.default).get_content()


async def test_other_types_wait_for_an_operators_word() -> None:
    box, told = MailServer(), Told()
    bag = msgspec.structs.replace(ALERT, hypothesis="left-bag", level="high")
    async with server(box.serve) as port, telling(port, told) as notifier:
        await notifier.follow([bag])
        assert told.states() == ["waiting"]
        taken = msgspec.structs.replace(bag, version=2, state="acknowledged", actor="ann", role="operator")
        await notifier.follow([taken])
        await until(lambda: told.states() == ["waiting", "sent"])
    assert len({each.id for each in told.receipts}) == 1, "the receipt replaces the waiting one"


async def test_held_low_and_ended_alerts_stay_inside() -> None:
    told = Told()
    async with server(MailServer().serve) as port, telling(port, told) as notifier:
        await notifier.follow([msgspec.structs.replace(ALERT, held="shelved: x", state="shelved")])
        await notifier.follow([msgspec.structs.replace(ALERT, level="medium")])
        await notifier.follow([msgspec.structs.replace(ALERT, state="false")])
        await asyncio.sleep(0.05)
    assert told.receipts == []


async def test_a_dead_server_is_tried_again_and_then_said_to_be_dead() -> None:
    told = Told()
    async with server(MailServer().serve) as port:
        pass
    async with telling(port, told) as notifier:
        await notifier.follow([ALERT])
        await until(lambda: told.states() == ["failed"])
    assert told.receipts[0].attempts == 2
    assert "127.0.0.1" in told.receipts[0].receipt


async def test_what_was_sent_before_a_crash_is_not_sent_again() -> None:
    box, told = MailServer(), Told()
    async with server(box.serve) as port, telling(port, told) as notifier:
        await notifier.follow([ALERT])
        await until(lambda: told.states() == ["sent"])
    again = Told()
    async with server(box.serve) as port, telling(port, again, earlier=told.receipts) as notifier:
        await notifier.follow([ALERT])
        await asyncio.sleep(0.05)
    assert again.receipts == []
    assert len(box.mails) == 1
