"""Locks with unclonable keys: the probabilities, the exchange, and what attackers of several kinds get."""

from collections.abc import Callable
from pathlib import Path
from random import Random

import numpy as np
import pytest

from s4allcities.domain import ManualClock
from s4allcities.scenario.photonic import PhotonicToken
from s4allcities.security.puf import (
    PufConfig,
    PufRefused,
    Verdict,
    bound,
    distance_bits,
    false_accept,
    false_reject,
    reader_key,
)
from s4allcities.security.puf_verifier import MAX_OPEN, PufVerifier
from s4allcities.security.puf_watch import AGED, COPIED, MODELLED, PufWatch
from s4allcities.store.database import Database
from s4allcities.store.locks import SqliteLocks

pytestmark = pytest.mark.anyio

KEY = reader_key("a password")
NONCE = "ab" * 16
Respond = Callable[[bytes], bytes]


class Lock:
    """A verifier over a real store, a token, and a reader that is honest unless told otherwise."""

    def __init__(self, folder: Path, *, pairs: int = 120, noise: float = 0.28) -> None:
        self.clock = ManualClock(1_790_000_000_000_000)
        self.database = Database.open(folder / "locks.sqlite")
        self.store = SqliteLocks(self.database)
        self.verifier = PufVerifier(self.store, self.clock, random=Random(1))
        self.token = PhotonicToken(np.random.default_rng(1), noise=noise)
        self.pairs = self.token.enrol(pairs, np.random.default_rng(2))
        self.noise = np.random.default_rng(3)

    async def enrol(self) -> None:
        await self.store.enrol("t-1", "cleaner", self.pairs, self.clock.now_us())

    def read(self, challenge: bytes) -> bytes:
        return self.token.response(challenge, self.noise)

    async def visit(self, respond: Respond | None = None, key: bytes = KEY) -> Verdict:
        exchange = await self.verifier.begin("reader-1", "t-1", NONCE)
        response = (respond or self.read)(exchange.challenge)
        mac = bound(key, exchange.id, exchange.nonce, response.hex())
        return self.verifier.finish("reader-1", exchange.id, response, mac, KEY)


@pytest.fixture
async def lock(tmp_path: Path) -> Lock:
    made = Lock(tmp_path)
    await made.enrol()
    return made


def test_false_accepts_and_rejects_are_as_rare_as_the_goal() -> None:
    config = PufConfig()
    assert false_accept(config.bits, config.accept_bits) < 1e-8
    assert false_reject(config.bits, config.accept_bits, 0.10) < 1e-6
    assert false_reject(config.bits, config.accept_bits, 0.15) > 1e-4  # why an aged token is told of


def test_tails_add_up_with_what_is_drawn() -> None:
    rng = np.random.default_rng(5)
    flips = (rng.random((200_000, 24)) < 0.10).sum(axis=1)
    guesses = (rng.random((200_000, 24)) < 0.5).sum(axis=1)
    assert np.mean(flips > 5) == pytest.approx(false_reject(24, 5, 0.10), rel=0.1)
    assert np.mean(guesses <= 5) == pytest.approx(false_accept(24, 5), rel=0.1)


def test_the_watchs_limits_are_rare_for_genuine_readings_and_for_guesses() -> None:
    config = PufConfig()
    assert false_reject(config.bits, config.grey_from_bits - 1, 0.10) < 1e-4
    assert false_accept(config.bits, config.grey_to_bits) < 1e-4
    assert 1 - false_reject(config.bits, config.too_good_bits, 0.10) < 1e-4


async def test_a_genuine_token_is_let_in_and_each_pair_is_used_once(lock: Lock) -> None:
    verdicts = [await lock.visit() for _ in range(100)]
    assert all(verdict.accepted for verdict in verdicts)
    assert {verdict.role for verdict in verdicts} == {"cleaner"}
    assert [verdict.left for verdict in verdicts] == list(range(119, 19, -1))
    assert verdicts[-1].warnings == ("20 pairs left",)
    assert not any("suspected" in each for verdict in verdicts for each in verdict.warnings)
    assert 0.05 < np.mean([verdict.distance_bits or 0 for verdict in verdicts]) / 128 < 0.15


async def test_without_pairs_nobody_is_asked(lock: Lock) -> None:
    for _ in range(120):
        await lock.visit()
    with pytest.raises(PufRefused, match="no pairs left"):
        await lock.verifier.begin("reader-1", "t-1", NONCE)
    assert await lock.store.enrol("t-1", "cleaner", lock.pairs, 0) == 0  # used challenges never come back
    with pytest.raises(PufRefused, match="no pairs left"):
        await lock.verifier.begin("reader-1", "t-1", NONCE)


async def test_what_was_seen_cannot_be_played_again(lock: Lock) -> None:
    exchange = await lock.verifier.begin("reader-1", "t-1", NONCE)
    response = lock.read(exchange.challenge)
    mac = bound(KEY, exchange.id, exchange.nonce, response.hex())
    assert lock.verifier.finish("reader-1", exchange.id, response, mac, KEY).accepted
    again = lock.verifier.finish("reader-1", exchange.id, response, mac, KEY)
    assert (again.accepted, again.reason) == (False, "no such exchange is open")
    replayed = await lock.visit(lambda _challenge: response)
    assert (replayed.accepted, replayed.reason) == (False, "the response differs too much")


async def test_an_answer_counts_for_its_reader_its_exchange_and_its_time_alone(lock: Lock) -> None:
    assert (await lock.visit(key=reader_key("another"))).reason == "the answer is not bound to this reader"
    exchange = await lock.verifier.begin("reader-1", "t-1", NONCE)
    assert not lock.verifier.finish("reader-2", exchange.id, b"", "", KEY).accepted
    exchange = await lock.verifier.begin("reader-1", "t-1", NONCE)
    response = lock.read(exchange.challenge)
    mac = bound(KEY, exchange.id, exchange.nonce, response.hex())
    lock.clock.advance(11.0)
    late = lock.verifier.finish("reader-1", exchange.id, response, mac, KEY)
    assert late.reason == "the answer came too late"
    short = await lock.visit(lambda _challenge: b"\x00\x00")
    assert short.reason == "the response has 16 bits"


async def test_guesses_lock_the_token_for_a_while(lock: Lock) -> None:
    rng = np.random.default_rng(9)
    verdicts = [await lock.visit(lambda _challenge: rng.bytes(16)) for _ in range(5)]
    assert not any(verdict.accepted for verdict in verdicts)
    assert verdicts[-1].warnings == ("token locked out",)
    with pytest.raises(PufRefused, match="locked out"):
        await lock.visit()
    lock.clock.advance(301.0)
    assert (await lock.visit()).accepted


async def test_unknown_revoked_and_malformed_are_refused_before_a_pair_is_spent(lock: Lock) -> None:
    for token, nonce, why in (("t-9", NONCE, "unknown"), ("t-1", "zz", "nonce")):
        with pytest.raises(PufRefused, match=why):
            await lock.verifier.begin("reader-1", token, nonce)
    assert await lock.store.revoke("t-1")
    with pytest.raises(PufRefused, match="revoked"):
        await lock.verifier.begin("reader-1", "t-1", NONCE)
    assert await lock.store.tokens() == [("t-1", "cleaner", 0, True)]
    assert not await lock.store.revoke("t-9")


async def test_exchanges_that_nobody_answers_are_bounded(tmp_path: Path) -> None:
    folder = tmp_path / "many"
    folder.mkdir()
    many = Lock(folder, pairs=1)
    challenges = [(number.to_bytes(8, "big"), bytes(16)) for number in range(MAX_OPEN + 5)]
    await many.store.enrol("t-1", "cleaner", challenges, 0)
    first = await many.verifier.begin("reader-1", "t-1", NONCE)
    for _ in range(MAX_OPEN):
        await many.verifier.begin("reader-1", "t-1", NONCE)
    mac = bound(KEY, first.id, first.nonce, bytes(16).hex())
    assert not many.verifier.finish("reader-1", first.id, bytes(16), mac, KEY).accepted


def features(challenges: np.ndarray) -> np.ndarray:
    """The products of all pairs of a challenge's bits: with these a learner can follow what light does."""
    light = 2.0 * np.unpackbits(challenges, axis=1) - 1.0
    upper = np.triu_indices(light.shape[1], 1)
    return light[:, upper[0]] * light[:, upper[1]]


async def test_a_model_learnt_from_all_pairs_ever_used_is_refused(lock: Lock) -> None:
    """Simulated: an eavesdropper has every pair of an enrolment but the next ones, and the right kind of model."""
    seen = lock.token.enrol(500, np.random.default_rng(11))
    known = features(np.array([np.frombuffer(c, np.uint8) for c, _ in seen]))
    bits = 2.0 * np.array([np.unpackbits(np.frombuffer(r, np.uint8)) for _, r in seen]) - 1.0
    ridge = np.linalg.solve(known @ known.T + 50.0 * np.eye(len(known)), bits)

    def forged(challenge: bytes) -> bytes:
        asked = features(np.frombuffer(challenge, np.uint8)[None, :])
        return np.packbits((asked @ known.T @ ridge)[0] > 0).tobytes()

    verdicts = [await lock.visit(forged) for _ in range(4)]
    assert not any(verdict.accepted for verdict in verdicts)
    distances = [verdict.distance_bits or 0 for verdict in verdicts]
    assert np.mean(distances) < 62  # it did learn something, or the test would show nothing


def test_a_better_model_is_suspected_before_it_gets_in() -> None:
    config, rng = PufConfig(), np.random.default_rng(4)
    watch = PufWatch()
    told: list[tuple[int, tuple[str, ...]]] = []
    for error in np.linspace(0.45, 0.15, 40):  # a learner that improves from try to try
        distance = int(rng.binomial(config.bits, error))
        told.append((distance, watch.note(distance, distance <= config.accept_bits, config)))
    first_in = next(n for n, (distance, _) in enumerate(told) if distance <= config.accept_bits)
    first_told = next(n for n, (_, texts) in enumerate(told) if MODELLED in texts)
    assert first_told <= first_in


def test_copies_and_age_are_told_and_ordinary_use_is_not() -> None:
    config, rng = PufConfig(), np.random.default_rng(4)
    copied, aged, usual = PufWatch(), PufWatch(), PufWatch()
    assert copied.note(0, True, config) == ()
    assert copied.note(1, True, config) == (COPIED,)
    said = [aged.note(int(rng.binomial(128, 0.17)), True, config) for _ in range(40)]
    assert AGED in said[-1]
    assert not any(usual.note(int(rng.binomial(128, 0.10)), True, config) for _ in range(2000))


def test_distances_and_codes() -> None:
    assert distance_bits(b"\xff\x00", b"\x0f\x01") == 5
    with pytest.raises(ValueError, match="cannot be compared"):
        distance_bits(b"a", b"")
    assert bound(KEY, "ab", "c") != bound(KEY, "a", "bc")
