import json

import pytest

from s4allcities.edge.http import parse_body


def test_one_object() -> None:
    parsed = parse_body(b'{"family": "env", "id": "e1", "co_ppm": 4}')
    (item,) = parsed.accepted
    assert (item.index, item.family, item.sensor, json.loads(item.data)) == (0, "env", "e1", {"co_ppm": 4})
    assert not parsed.rejected


def test_a_list_is_answered_item_by_item() -> None:
    body = b'[{"sensor": "e1", "co_ppm": 4}, 7, {"co_ppm": 5}, {"sensor": "a b", "co_ppm": 1}]'
    parsed = parse_body(body, family="env")
    assert [item.index for item in parsed.accepted] == [0]
    assert [item.index for item in parsed.rejected] == [1, 2, 3]
    assert "missing field: sensor" in parsed.rejected[1].reason


def test_ndjson_with_a_broken_line() -> None:
    parsed = parse_body(b'{"co_ppm": 4}\n{"co_ppm": \n\n{"co_ppm": 5}\n', family="env", sensor="e1")
    assert [item.index for item in parsed.accepted] == [0, 2]
    assert [item.index for item in parsed.rejected] == [1]


@pytest.mark.parametrize("body", [b"", b"[]", b"nonsense", b"\xff\xfe", b"[" * 100_000])
def test_a_body_that_is_nothing_is_one_rejection(body: bytes) -> None:
    parsed = parse_body(body, family="env", sensor="e1")
    assert not parsed.accepted
    assert len(parsed.rejected) == 1


def test_a_numeric_id_is_a_name() -> None:
    assert parse_body(b'{"id": 17, "x": 1}', family="env").accepted[0].sensor == "17"


def test_too_many_items() -> None:
    parsed = parse_body(b"[" + b",".join([b"{}"] * 10_001) + b"]", family="env", sensor="e1")
    assert "too many items" in parsed.rejected[0].reason
