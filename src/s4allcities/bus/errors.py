"""What can go wrong on the bus."""

__all__ = (
    "BatchError",
    "BusClosed",
    "BusError",
    "BusRefused",
    "BusTimeout",
    "EnvelopeError",
    "ServerError",
    "SubjectError",
)


class BusError(Exception):
    """Base of all errors of this package."""


class BusClosed(BusError):
    """The bus was closed here; what was not acknowledged by then may or may not be stored."""


class BusTimeout(BusError):
    """The bus did not acknowledge in time; the same call may be made again, nothing is doubled by it."""


class BusRefused(BusError):
    """The bus said no, and would say so again: an unknown stream, a message over the size limit, a full stream."""


class SubjectError(BusError, ValueError):
    """A name that cannot be part of a subject."""


class BatchError(BusError, ValueError):
    """Columns that do not fit together, or bytes that are not a batch."""


class EnvelopeError(BusError, ValueError):
    """Bytes that are not an envelope of events."""


class ServerError(BusError):
    """The supervised nats-server cannot be found, configured or started."""
