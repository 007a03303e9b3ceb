"""The scripted operator of a headless demonstration: acknowledges each alert, orders what is recommended for the fire.

It knows nothing that the page does not show, and does nothing that a person could not do.
"""

import asyncio
from typing import Any

import structlog

from s4allcities.domain import Clock

from .client import ApiClient, ApiRefused

__all__ = ("ScriptedOperator",)

log = structlog.get_logger(__name__)

LOOKS_AFTER_S = 1.5
"""A person needs a moment to see an alert, and another to read what is recommended."""
READS_FOR_S = 3.0
TRIES = 20


class ScriptedOperator:
    """Acts on what it is shown. ``orders`` are the ids of what it ordered."""

    def __init__(self, api: ApiClient, clock: Clock) -> None:
        self._api = api
        self._clock = clock
        self._alerts: dict[str, dict[str, Any]] = {}
        self._courses: dict[str, dict[str, Any]] = {}
        self._ordered: set[str] = set()
        self._seen: set[tuple[str, int]] = set()
        self._tasks: asyncio.TaskGroup | None = None

    def start(self, tasks: asyncio.TaskGroup) -> None:
        """Begin to act; what takes time runs in ``tasks``."""
        self._tasks = tasks

    def see(self, collection: str, key: str, value: Any) -> None:
        """Take in one change of the picture."""
        if self._tasks is None or value is None:
            return
        if collection == "alerts":
            self._alerts[key] = value
            call = (key, value["t_annunciated_us"])  # an alert that has become graver calls again
            if value["state"] == "new" and not value.get("held") and call not in self._seen:
                self._seen.add(call)
                self._tasks.create_task(self._attend(key))
        elif collection == "courses":
            self._courses[key] = value
            if value["incident_id"] not in self._ordered:
                self._ordered.add(value["incident_id"])
                self._tasks.create_task(self._order(value["incident_id"]))

    async def _attend(self, alert_id: str) -> None:
        await self._clock.sleep(LOOKS_AFTER_S)
        await self._move(alert_id, {"verb": "acknowledge"})
        await self._clock.sleep(LOOKS_AFTER_S)
        await self._move(alert_id, {"verb": "assign", "assignee": "operator"})

    async def _move(self, alert_id: str, action: dict[str, Any]) -> None:
        for _ in range(TRIES):
            body = {**action, "expected_version": self._alerts[alert_id]["version"]}
            try:
                self._alerts[alert_id] = await self._api.post(f"/api/v1/alerts/{alert_id}/actions", body)
                return
            except ApiRefused as refused:
                log.info("refused", action=action["verb"], why=str(refused))
            except OSError as error:
                log.info("no connection", error=repr(error))
            except Exception as error:  # the platform is being restarted; the next try finds it again
                log.info("failed", error=repr(error))
            await asyncio.sleep(0.25)

    async def _order(self, incident_id: str) -> None:
        await self._clock.sleep(READS_FOR_S)
        for _ in range(TRIES):
            newest = max(
                (course for course in self._courses.values() if course["incident_id"] == incident_id),
                key=lambda course: (course.get("version", 1), course["id"]),
            )
            try:
                await self._api.post("/api/v1/orders", {"course_of_action_id": newest["id"]})
                return
            except ApiRefused as refused:
                log.info("refused", action="order", why=str(refused))
            except Exception as error:  # the platform is being restarted; the next try finds it again
                log.info("failed", action="order", error=repr(error))
            await asyncio.sleep(0.25)
