"""`s4 restore`: brings a backup back."""

import sys
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import App, Parameter

__all__ = ("app", "restore")

app = App(name="restore", help="Bring a backup back.")


@app.default
def restore(
    directory: Annotated[Path, Parameter(help="The backup.")],
    *,
    data_dir: Annotated[Path, Parameter(help="Where to put it: empty, or not there yet.")] = Path("s4-data"),
    check: Annotated[bool, Parameter(negative=(), help="Only check the backup; write nothing.")] = False,
    as_json: Annotated[
        bool, Parameter(name="--json", negative=(), help="One JSON document on stdout.")
    ] = False,
) -> int:
    """Check a backup against its manifest and put it back as a data directory; a damaged or foreign one is refused.

    Example: s4 restore ./backups/monday --data-dir ./s4-data
    """
    from s4allcities.domain import to_rfc3339
    from s4allcities.store.backup import restore as run
    from s4allcities.store.backup import verify_backup
    from s4allcities.store.errors import StoreError

    try:
        manifest = verify_backup(directory) if check else run(directory, data_dir)
    except StoreError as error:
        print(f"s4 restore: {error}", file=sys.stderr)
        return 2
    if as_json:
        said = {"directory": str(directory), "data_dir": "" if check else str(data_dir), "manifest": manifest}
        print(msgspec.json.encode(said).decode())
    else:
        made = to_rfc3339(manifest.t_us)
        done = "sound" if check else f"restored to {data_dir}"
        print(f"{directory}: {done}; {len(manifest.files)} files, made {made}")
    return 0
