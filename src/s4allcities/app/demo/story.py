"""The demonstration told as it happens, one line an event."""

from collections.abc import Callable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

__all__ = ("Story",)


class Story:
    """Turns changes of the picture into lines; ``say`` takes each line. Times are the site's own."""

    def __init__(self, say: Callable[[str], None], timezone: str) -> None:
        self._say = say
        self._zone = ZoneInfo(timezone)
        self._told: set[str] = set()

    def _line(self, t_us: int, text: str) -> None:
        moment = datetime.fromtimestamp(t_us / 1e6, self._zone)
        self._say(f"{moment:%H:%M:%S}  {text}")

    def _once(self, key: str) -> bool:
        if key in self._told:
            return False
        self._told.add(key)
        return True

    def see(self, collection: str, key: str, value: Any) -> None:
        """Tell one change, if it is news."""
        if value is None:
            return
        match collection:
            case "detections" if self._once(f"{value['kind']}/{value['sensor']}"):
                self._line(value["t_us"], f"  seen       {value.get('text') or value['kind']}")
            case "incidents" if self._once(f"{key}/{value['status']}"):
                self._incident(value)
            case "incidents" if value.get("links") and self._once(f"{key}/links"):
                for link in value["links"]:
                    self._line(value["t_us"], f"  LINKED     {value['hypothesis']}: {link['reason']}")
            case "alerts" if self._once(f"{key}/{value['state']}"):
                self._alert(value)
            case "courses" if self._once(key):
                self._course(value)
            case "orders" if self._once(key):
                self._line(value["t_us"], f"  ORDER      given by {value['actor']} ({value['role']})")
            case "commands" if value["state"] != "sent" and self._once(f"{key}/{value['state']}"):
                said = {"acknowledged": f"shows {value['text']!r}", "no_answer": "DOES NOT ANSWER"}
                self._line(
                    value["t_us"],
                    f"  sign       {value['device']} {said.get(value['state'], value['state'])}",
                )
            case _:
                pass

    def _incident(self, value: dict[str, Any]) -> None:
        sure = f"{100 * value['probability']:.0f} % sure"
        where = ", ".join(value["zones"]) or "site"
        self._line(value["t_us"], f"INCIDENT     {value['hypothesis']} in {where}, {value['status']}, {sure}")
        for term in value.get("terms", ()):
            if term.get("detections"):
                self._say(f"                       {term['llr']:+5.1f}  {term['name']}")

    def _alert(self, value: dict[str, Any]) -> None:
        if value["state"] != "new":
            by = f" by {value['actor']}" if value.get("actor") else ""
            self._line(value["t_us"], f"  alert      {value['title']}: {value['state']}{by}")
            return
        self._line(value["t_us"], f"ALERT        {value['level'].upper()}: {value['title']}")
        for line in value["lines"]:
            self._say(f"                       {line}")

    def _course(self, value: dict[str, Any]) -> None:
        clearance = value["clearance_s"]
        band = "unknown" if clearance["p50"] is None else f"{clearance['p50']:.0f} s in half of the runs"
        if clearance.get("p95") is not None:
            band += f", {clearance['p95']:.0f} s in 95 % of {clearance['runs']}"
        self._line(value["t_us"], f"RECOMMENDED  {value['name']}; {value['people']} people clear in {band}")
        for route in value["routes"]:
            self._say(f"                       {route['people']:4d}  {route['sentence']}")
        for each in value["exits_not_used"]:
            if not each["reason"].startswith("not needed"):
                self._say(f"                       not  {each['exit']}: {each['reason']}")
