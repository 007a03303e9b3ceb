"""What can be wrong with context that people state."""

__all__ = ("ContextError",)


class ContextError(ValueError):
    """A context entry cannot be used: the message says which, what is wrong and what is allowed."""
