import pytest

from s4allcities.bus import SubjectError
from s4allcities.bus.subjects import (
    batch_subject,
    command_subject,
    event_subject,
    full,
    raw_parts,
    raw_subject,
    valid_filter,
    valid_token,
)


@pytest.mark.parametrize("token", ["a", "smoke-01", "Ticket_Hall", "0", "x" * 128])
def test_a_plain_name_is_a_token(token: str) -> None:
    assert valid_token(token) == token


@pytest.mark.parametrize("token", ["", "a.b", "a b", "*", ">", "a/b", "ä", "a\n", "x" * 129, "a\r\nPUB x"])
def test_a_name_that_changes_a_subject_is_refused_with_what_is_allowed(token: str) -> None:
    with pytest.raises(SubjectError, match=r"sensor .* cannot be part of a subject; allowed are 1-128 of"):
        valid_token(token, "sensor")


@pytest.mark.parametrize("suffix", ["det.>", "obs.env.0", "*.fusion", "obs.*.3", ">"])
def test_filters(suffix: str) -> None:
    assert valid_filter(suffix) == suffix


@pytest.mark.parametrize("suffix", ["", "det.", "det.>.x", "det..x", "d et.>", "a*"])
def test_filters_that_are_none(suffix: str) -> None:
    with pytest.raises(SubjectError):
        valid_filter(suffix)


def test_subjects_are_built_in_one_way() -> None:
    assert raw_subject("helsinki", "env", "smoke-01") == "s4.helsinki.raw.env.smoke-01"
    assert batch_subject("helsinki", "env", 2) == "s4.helsinki.obs.env.2"
    assert event_subject("helsinki", "det", "validity") == "s4.helsinki.det.validity"
    assert command_subject("helsinki", "sign-a") == "s4.helsinki.cmd.sign-a"
    assert full("helsinki", "det.>") == "s4.helsinki.det.>"


def test_a_partition_is_not_negative() -> None:
    with pytest.raises(SubjectError, match="partition is -1"):
        batch_subject("helsinki", "env", -1)


def test_raw_parts_take_the_subject_apart() -> None:
    assert raw_parts("s4.helsinki.raw.env.smoke-01") == ("env", "smoke-01")


@pytest.mark.parametrize(
    "subject",
    [
        "s4.helsinki.raw.env",
        "s4.helsinki.raw.env.a.b",
        "s4.helsinki.obs.env.0",
        "x.helsinki.raw.env.a",
        "s4.helsinki.raw.env.a//b",
    ],
)
def test_raw_parts_of_another_subject(subject: str) -> None:
    with pytest.raises(SubjectError):
        raw_parts(subject)
