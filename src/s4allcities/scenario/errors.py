"""What can be wrong with what was asked of a scenario."""

__all__ = ("ScenarioError",)


class ScenarioError(ValueError):
    """A scenario, option or file cannot be used: one line that says what, where, and what is allowed."""
