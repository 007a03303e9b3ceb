"""What this room refuses, said in one line each."""

__all__ = ("CredentialError", "KeyFileError", "NotAllowed", "ReleaseRefused", "SecurityError", "UserError")


class SecurityError(Exception):
    """Base of all errors of this room."""


class KeyFileError(SecurityError):
    """A key file cannot be read or written, is damaged, or others may read it."""


class CredentialError(SecurityError):
    """A device credential cannot be made, kept or found."""


class UserError(SecurityError):
    """An account cannot be made or changed as asked."""


class NotAllowed(SecurityError):
    """The role may not do this."""


class ReleaseRefused(SecurityError):
    """An act that needs two persons cannot go on: wrong person, wrong role, wrong state, too late."""
