"""What the API answers when it cannot do what was asked, for people and for its OpenAPI description."""

from litestar.exceptions import HTTPException

__all__ = ("Conflict", "NoAnswer", "TooMany")


class Conflict(HTTPException):
    """It was right once: the record has changed since, or the rules do not let it through."""

    status_code = 409


class NoAnswer(HTTPException):
    """Nothing came back in time; what was asked may still take effect."""

    status_code = 503


class TooMany(HTTPException):
    """Too many tries; the header ``retry-after`` says how many seconds to wait."""

    status_code = 429
