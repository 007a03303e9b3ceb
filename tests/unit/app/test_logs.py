"""Logs go to whatever stderr is when a line is written."""

import io
import sys
from collections.abc import Iterator

import pytest
import structlog

from s4allcities.app.logs import set_up_logs


@pytest.fixture(autouse=True)
def _defaults() -> Iterator[None]:
    yield
    structlog.reset_defaults()


def test_a_replaced_stderr_is_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    before = io.StringIO()
    monkeypatch.setattr(sys, "stderr", before)
    set_up_logs()
    log = structlog.get_logger("s4allcities")
    log.warning("first", why="a test")
    before.close()
    after = io.StringIO()
    monkeypatch.setattr(sys, "stderr", after)
    log.warning("second")
    assert "level=warning event=second" in after.getvalue()
