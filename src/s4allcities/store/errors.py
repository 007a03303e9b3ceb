"""What can go wrong in the stores, said in one line each."""

__all__ = ("BackupError", "DatabaseError", "HistoryError", "StoreError")


class StoreError(Exception):
    """Base of all errors of this room."""


class DatabaseError(StoreError):
    """The database cannot be opened, is not ours, is newer than this program, or is damaged."""


class HistoryError(StoreError):
    """The history cannot be written or a request to it makes no sense."""


class BackupError(StoreError):
    """A backup cannot be made, or is refused: damaged, incomplete or not ours."""
