import pytest

from s4allcities.bus.broker_log import BrokerLog


@pytest.mark.parametrize(
    ("line", "kind", "client", "subject"),
    [
        (
            '[7] [ERR] 127.0.0.1:5 - mid:9 - "x" - Publish Violation - User "dev1", Subject "s4.helsinki.obs.env.0"',
            "publish", "dev1", "s4.helsinki.obs.env.0",
        ),
        (
            '[7] [ERR] 127.0.0.1:5 - mid:9 - "x" - Subscription Violation - User "dev1", Subject "s4.helsinki.>"',
            "subscribe", "dev1", "s4.helsinki.>",
        ),
        ('[7] [ERR] ::1:5 - mid:15 - "test-1" - Publish Violation - Subject "a.b"', "publish", "test-1", "a.b"),
        ('[7] [ERR] 127.0.0.1:5 - mid:5 - "x" - empty user name not allowed', "authentication", "x", ""),
        ('[7] [ERR] 127.0.0.1:5 - mid:9 - authentication error - User "nobody"', "authentication", "nobody", ""),
    ],
)  # fmt: skip
def test_what_the_broker_refuses_is_counted_with_who_and_what(
    line: str, kind: str, client: str, subject: str
) -> None:
    log = BrokerLog()
    refusal = log.take(line)
    assert refusal is not None
    assert (refusal.kind, refusal.client, refusal.subject) == (kind, client, subject)
    assert dict(log.refused_by_broker) == {kind: 1}


def test_other_lines_are_no_refusals() -> None:
    log = BrokerLog()
    lines = ("", "Server is ready", "Reloaded server configuration", "Publish Violation")
    for line in (f"[7] [INF] {words}" for words in lines):
        assert log.take(line) is None
    assert (log.ready, log.reloads) == (1, 1)


def test_a_flood_keeps_counting_and_stays_small() -> None:
    log = BrokerLog()
    for number in range(1000):
        log.take(f'[ERR] - Publish Violation - User "d", Subject "s{number}"' + "x" * 5000)
    assert log.refused_by_broker["publish"] == 1000
    assert len(log.refusals) == 200
    assert max(len(refusal.line) for refusal in log.refusals) == 2000
