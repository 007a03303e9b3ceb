"""Reading the network policy of a site from its file."""

from pathlib import Path

from ...formats.network import NetworkPolicy, PolicyError, read_network_policy

__all__ = ("load_policy",)


def load_policy(path: Path) -> NetworkPolicy:
    """Read ``network.yaml``.

    :raises PolicyError: no such file, or what is in it is not allowed; the message names the file.
    """
    try:
        return read_network_policy(path.read_bytes())
    except OSError as error:
        raise PolicyError(f"{path}: {error.strerror}") from None
    except PolicyError as error:
        raise PolicyError(f"{path}: {error}") from None
