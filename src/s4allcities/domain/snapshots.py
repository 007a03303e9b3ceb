"""How a stage whose state is one msgspec struct freezes and thaws it."""

from typing import Generic, TypeVar

import msgspec

__all__ = ("StructSnapshots",)

S = TypeVar("S", bound=msgspec.Struct)


class StructSnapshots(Generic[S]):
    """Gives a stage `start`, `snapshot` and `restore`; its state is ``state_type``, a mutable struct with defaults.

    Dictionaries keep their order through msgpack and floats their bits, so a thawed state freezes to the same bytes.
    """

    state_type: type[S]

    def start(self) -> S:
        """Give the state before any input."""
        return self.state_type()

    def snapshot(self, state: S) -> bytes:
        """Freeze the state as msgpack."""
        return msgspec.msgpack.encode(state)

    def restore(self, data: bytes) -> S:
        """Thaw what `snapshot` gave. :raises msgspec.MsgspecError: bytes of another stage or version."""
        return msgspec.msgpack.decode(data, type=self.state_type)
