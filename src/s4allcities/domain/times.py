"""Time as the platform keeps it: int64 microseconds since the Unix epoch, UTC; RFC 3339 at the border."""

from datetime import UTC, datetime, timedelta

__all__ = ("US_PER_S", "from_rfc3339", "to_rfc3339")

US_PER_S = 1_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def to_rfc3339(t_us: int) -> str:
    """Write a time for people and partners.

    >>> to_rfc3339(1_700_000_000_250_000)
    '2023-11-14T22:13:20.250000+00:00'

    :raises OverflowError: outside the years 1 to 9999.
    """
    return (_EPOCH + timedelta(microseconds=t_us)).isoformat(timespec="microseconds")


def from_rfc3339(text: str) -> int:
    """Read an ISO 8601 / RFC 3339 time; a time without offset is taken as UTC.

    >>> from_rfc3339("2023-11-14T22:13:20.25Z")
    1700000000250000

    :raises ValueError: not a time.
    """
    moment = datetime.fromisoformat(text.strip())
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - _EPOCH) // _MICROSECOND
