"""What this room raises."""

__all__ = ("ImporterUnavailable", "SiteError", "UnknownName")


class SiteError(ValueError):
    """The site folder cannot be read: the message names file, feature and what is allowed."""


class UnknownName(SiteError, KeyError):
    """A zone, exit, street, sensor... of that slug is not part of the site."""

    def __str__(self) -> str:
        return str(self.args[0])


class ImporterUnavailable(SiteError):
    """An importer needs a package that is not installed; the message names the extra that brings it."""
