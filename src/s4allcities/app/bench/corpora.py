"""Labelled recordings that lie beside the checkout, as the detectors' benchmark reads them."""

import csv
import json
import os
from pathlib import Path

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from s4allcities.detection.columns import read_table

from .checkout import BenchError

__all__ = ("Plant", "Recording", "data_folder", "nab_recordings", "plant")


class Recording(Struct, frozen=True):
    """One labelled series: ``windows`` are pairs of first and last index of what is unusual."""

    name: str
    t_us: NDArray[np.int64]
    value: NDArray[np.float64]
    windows: tuple[tuple[int, int], ...]


class Plant(Struct, frozen=True):
    """Rows of a plant's sensors (n, c) and whether each is under attack (n,)."""

    names: tuple[str, ...]
    values: NDArray[np.float64]
    attacked: NDArray[np.bool_]


def data_folder(root: Path) -> Path:
    """Give the folder of test data: what ``S4_TEST_DATA`` says, else ``../shared/data`` of the checkout.

    :raises BenchError: there is none.
    """
    folder = Path(os.environ.get("S4_TEST_DATA") or root.parent / "shared" / "data")
    if not folder.is_dir():
        raise BenchError(f"no test data at {folder}; set S4_TEST_DATA to their folder")
    return folder


def nab_recordings(data: Path) -> list[Recording]:
    """Read the series of the Numenta Anomaly Benchmark that are there. :raises BenchError: none is."""
    folder = data / "timeseries" / "nab"
    labels = folder / "labels" / "combined_windows.json"
    if not labels.is_file():
        raise BenchError(f"no {labels}")
    found = []
    for name, spans in sorted(json.loads(labels.read_text()).items()):
        table = read_table((folder / "data" / name).read_text(), name, ("value",))
        place = {stamp[:19]: i for i, stamp in reversed(list(enumerate(table.timestamps)))}
        windows = tuple((place[first[:19]], place[last[:19]]) for first, last in spans)
        found.append(Recording(name, table.t_us, table.values[:, 0], windows))
    return found


def plant(data: Path, name: str) -> Plant:
    """Read one file of the water utility. :raises BenchError: it is not there."""
    path = data / "cyber" / "batadal" / name
    if not path.is_file():
        raise BenchError(f"no {path}")
    with path.open() as file:
        header, *rows = csv.reader(file)
    names = [each.strip() for each in header[1:]]
    values = np.array([[float(each) for each in row[1:]] for row in rows])
    flag = names.index("ATT_FLAG")
    kept = (*names[:flag], *names[flag + 1 :])
    return Plant(kept, np.delete(values, flag, axis=1), values[:, flag] > 0)
