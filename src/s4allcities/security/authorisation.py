"""Who may do what: one table of roles and actions. Every refusal is told to whoever keeps the ledger."""

from collections.abc import Callable
from typing import Literal, get_args

import msgspec

from .errors import NotAllowed

__all__ = ("ACTIONS", "ALLOWED", "ROLES", "Action", "Authoriser", "RefusedAction", "Role", "may")

Role = Literal["operator", "supervisor", "auditor", "integrator"]
ROLES: tuple[Role, ...] = get_args(Role)

Action = Literal[
    "picture.read",
    "history.read",
    "alerts.act",
    "orders.give",
    "releases.ask",
    "releases.confirm",
    "context.write",
    "sensors.write",
    "observations.write",
    "rejected.read",
    "credentials.write",
    "ledger.read",
    "accounts.write",
]
ACTIONS: tuple[Action, ...] = get_args(Action)

ALLOWED: dict[Role, frozenset[Action]] = {
    "operator": frozenset(
        {"picture.read", "history.read", "alerts.act", "orders.give", "releases.ask", "observations.write"}
    ),
    "supervisor": frozenset(
        {
            "picture.read",
            "history.read",
            "alerts.act",
            "orders.give",
            "releases.ask",
            "releases.confirm",
            "context.write",
            "sensors.write",
            "rejected.read",
            "ledger.read",
            "accounts.write",
        }
    ),
    "auditor": frozenset({"picture.read", "history.read", "rejected.read", "ledger.read"}),
    "integrator": frozenset(
        {
            "picture.read",
            "history.read",
            "context.write",
            "sensors.write",
            "observations.write",
            "rejected.read",
            "credentials.write",
        }
    ),
}
"""What each role may do. What is not here is refused."""


class RefusedAction(msgspec.Struct, frozen=True, kw_only=True):
    """Someone asked for what their role may not do."""

    actor: str
    role: str
    action: str
    detail: str = ""


def may(role: str, action: str) -> bool:
    """Tell whether a role may do an action; unknown roles and actions may not.

    >>> may("operator", "alerts.act"), may("operator", "releases.confirm"), may("", "picture.read")
    (True, False, False)
    """
    return any(role == known and action in actions for known, actions in ALLOWED.items())


class Authoriser:
    """Decides, and passes every refusal on. ``on_refusal`` must not fail or wait."""

    def __init__(self, on_refusal: Callable[[RefusedAction], None]) -> None:
        self._on_refusal = on_refusal

    def check(self, *, actor: str, role: str, action: Action, detail: str = "") -> bool:
        """Tell whether the role may, and pass a refusal on."""
        allowed = may(role, action)
        if not allowed:
            self._on_refusal(RefusedAction(actor=actor, role=role, action=action, detail=detail))
        return allowed

    def require(self, *, actor: str, role: str, action: Action, detail: str = "") -> None:
        """As `check`, raising.

        :raises NotAllowed: the role may not.
        """
        if not self.check(actor=actor, role=role, action=action, detail=detail):
            roles = ", ".join(known for known in ROLES if action in ALLOWED[known])
            raise NotAllowed(f"{action}: not allowed for role {role or 'none'}; allowed for {roles}")
