"""Where things lie in the data directory of an installation."""

from pathlib import Path

from msgspec import Struct

__all__ = ("DataDir",)


class DataDir(Struct, frozen=True):
    """The paths under one data directory; nothing is created here.

    ``heads`` is the default place of the ledger's signed heads. They prove more when they are written outside, on
    another machine or medium: see the explanation of the ledger.
    """

    root: Path

    @property
    def database(self) -> Path:
        """The SQLite file."""
        return self.root / "s4.sqlite"

    @property
    def postgres(self) -> Path:
        """The note that names a PostgreSQL server, if the records lie in one."""
        return self.root / "postgres.json"

    @property
    def history(self) -> Path:
        """The directory of Parquet files."""
        return self.root / "history"

    @property
    def keys(self) -> Path:
        """The directory of private things: signing key, device credentials."""
        return self.root / "keys"

    @property
    def heads(self) -> Path:
        """The append-only file of signed ledger heads."""
        return self.root / "heads" / "ledger-heads.jsonl"
