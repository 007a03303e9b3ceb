"""Whatever is sent, nothing passes the edge that the policy does not name."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from s4allcities.domain import Observation
from s4allcities.privacy.policies import NUMBERS_AND_TEXT, POLICIES, Fields
from s4allcities.privacy.redaction import MASK, Redactor, mask_text

NAMES = st.one_of(
    st.sampled_from(
        ["alert", "signature", "payload", "packet", "email", "src_ip", "modbus", "request", "people", "text"]
    ),
    st.text(max_size=8),
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30) | st.binary(max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=5),
    max_leaves=20,
)
SCHEMAS = st.sampled_from(["", "eve/1", "frame-hash/1", "text/1", "sign-ack/1", "jpeg/1"])
FAMILIES = st.sampled_from([*POLICIES, "unknown"])
QUANTITIES = st.one_of(
    st.sampled_from(["eve", "frame_hash", "people", "text", "showing", "face_id"]), st.text(max_size=8)
)


def allowed(data: Any, fields: Fields) -> bool:
    if isinstance(data, list):
        return all(allowed(item, fields) for item in data)
    if isinstance(fields, str):
        plain = {"number": bool | int | float, "value": bool | int | float | str}
        return isinstance(data, plain.get(fields, str))
    return isinstance(data, dict) and all(
        name in fields and allowed(data[name], fields[name]) for name in data
    )


@given(family=FAMILIES, quantity=QUANTITIES, schema=SCHEMAS, payload=VALUES)
def test_only_named_fields_pass(family: str, quantity: str, schema: str, payload: Any) -> None:
    redactor = Redactor()
    kept = redactor.redact(
        Observation(family=family, sensor="s", quantity=quantity, t_us=0, schema=schema, payload=payload)
    )
    if kept is None:
        assert redactor.dropped.total() >= 1
        return
    policy = POLICIES.get(family, NUMBERS_AND_TEXT)
    assert policy.quantities is None or quantity in policy.quantities
    if kept.payload is not None:
        assert allowed(kept.payload, policy.schemas[schema])


@given(
    before=st.text(max_size=20), user=st.from_regex(r"[a-z]{1,8}", fullmatch=True), after=st.text(max_size=20)
)
def test_no_address_passes(before: str, user: str, after: str) -> None:
    shown = mask_text(f"{before} {user}@example.org {after}")
    assert f"{user}@example.org" not in shown
    assert MASK in shown


@given(digits=st.lists(st.integers(0, 9), min_size=7, max_size=15), gap=st.sampled_from(["", " ", "-", "."]))
def test_no_phone_number_passes(digits: list[int], gap: str) -> None:
    number = gap.join(map(str, digits))
    assert number not in mask_text(f"call {number} now")
