"""`s4 backup`: writes a backup of an installation, running or not."""

import sys
import time
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import App, Parameter

import s4allcities

__all__ = ("app", "backup")

app = App(name="backup", help="Write a backup of an installation.")


@app.default
def backup(
    directory: Annotated[Path, Parameter(help="Where to write it: a directory that does not exist yet.")],
    *,
    data_dir: Annotated[Path, Parameter(help="Where the platform keeps everything.")] = Path("s4-data"),
    heads: Annotated[Path | None, Parameter(help="The ledger's heads, if kept elsewhere.")] = None,
    keys: Annotated[bool, Parameter(help="Put the private keys in; without them, only their names.")] = True,
    as_json: Annotated[
        bool, Parameter(name="--json", negative=(), help="One JSON document on stdout.")
    ] = False,
) -> int:
    """Copy database, history, keys and ledger heads into a directory, with a manifest of checksums.

    With the private keys in it a backup opens the installation: guard it like the server.

    Example: s4 backup ./backups/monday --data-dir ./s4-data
    """
    from s4allcities.store.backup import backup as run
    from s4allcities.store.errors import StoreError

    try:
        manifest = run(
            data_dir,
            directory,
            t_us=time.time_ns() // 1000,
            version=s4allcities.__version__,
            with_keys=keys,
            heads=heads,
        )
    except StoreError as error:
        print(f"s4 backup: {error}", file=sys.stderr)
        return 2
    if as_json:
        print(msgspec.json.encode({"directory": str(directory), "manifest": manifest}).decode())
    else:
        size_mb = sum(file.bytes for file in manifest.files) / 1e6
        left_out = "" if keys else "; private keys left out"
        print(f"{directory}: {len(manifest.files)} files, {size_mb:.1f} MB{left_out}")
    return 0
