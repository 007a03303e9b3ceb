"""Test seeds are kept apart."""

from collections.abc import Iterator

import pytest
import structlog
from structlog.testing import capture_logs

from s4allcities.scenario.errors import ScenarioError
from s4allcities.scenario.generated.seeds import FIRST_TEST, SealedSeed, check_seed, seeds_of, split_of
from s4allcities.scenario.generated.worlds import Generator


def test_the_splits_share_no_seed() -> None:
    train, test = seeds_of("train", 50), seeds_of("test", 50, purpose="this test")
    assert not set(train) & set(test)
    assert {split_of(seed) for seed in train} == {"train"}
    assert {split_of(seed) for seed in test} == {"test"}


def test_a_world_of_a_test_seed_needs_a_purpose(generator: Generator) -> None:
    with pytest.raises(SealedSeed, match="is a test seed"):
        generator.make("fire", FIRST_TEST)
    with pytest.raises(SealedSeed):
        seeds_of("test", 1)


@pytest.fixture
def plain_logs() -> Iterator[None]:
    """Logs as they are before a command sets them up: another test may have set a level that hides them."""
    before = structlog.get_config()
    structlog.reset_defaults()
    yield
    structlog.configure(**before)


@pytest.mark.usefixtures("plain_logs")
def test_who_takes_a_test_seed_is_logged(generator: Generator) -> None:
    with capture_logs() as logs:
        generator.make("fire-twin", FIRST_TEST + 5, purpose="this test")
        generator.make("fire-twin", 5)
    assert logs == [
        {"event": "test seeds unsealed", "first": FIRST_TEST + 5, "purpose": "this test", "log_level": "info"}
    ]


@pytest.mark.parametrize("seed", [-1, 2**31])
def test_seeds_out_of_range_are_refused(seed: int) -> None:
    with pytest.raises(ScenarioError, match="allowed are 0 to"):
        check_seed(seed, purpose="this test")


@pytest.mark.parametrize("count", [0, FIRST_TEST])
def test_more_seeds_than_there_are_are_refused(count: int) -> None:
    with pytest.raises(ScenarioError, match="allowed are 1 to 9999"):
        seeds_of("train", count)
