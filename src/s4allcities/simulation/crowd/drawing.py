"""Pictures of a run: an SVG of the ground with its densities, and a film of PNG frames or MP4."""

import struct
import zlib
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import shapely
from numpy.typing import NDArray

from .crowd import Crowd
from .ground import Ground

__all__ = ("Film", "draw_ground", "write_png")

RGB = NDArray[np.uint8]
_BANDS = (
    (0.5, "#c9e7c8"),
    (1.08, "#8fd18c"),
    (2.17, "#f6d55c"),
    (3.5, "#f08a4b"),
    (5.0, "#d8413f"),
    (99.0, "#7d1d3f"),
)
"""Fruin's level-of-service limits up to 2.17 people a square metre, then the crowd-safety limits 3.5 and 5."""


def draw_ground(ground: Ground, peak_pm2: NDArray[np.float32], keys: NDArray[np.int32], title: str) -> str:
    """Give an SVG: all sheets side by side, cells coloured by the greatest density of ``keys``'s square."""
    r = ground.raster
    west, south, east, north = r.x.min() - 2, r.y.min() - 2, r.x.max() + 2, r.y.max() + 2
    density = peak_pm2[keys]
    parts = []
    for low, (high, colour) in zip((0.05, *(limit for limit, _ in _BANDS)), _BANDS, strict=False):
        chosen = np.flatnonzero((density > low) & (density <= high))
        squares = shapely.box(
            r.x[chosen] - r.cell_m / 2,
            r.y[chosen] - r.cell_m / 2,
            r.x[chosen] + r.cell_m / 2,
            r.y[chosen] + r.cell_m / 2,
        )
        parts.append(
            f'<path d="{_path(shapely.get_parts(shapely.union_all(squares)), north)}" fill="{colour}"/>'
        )
    outline = "".join(_path(shapely.get_parts(area), north) for area in ground.areas)
    width, height = east - west, north - south
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{west:.1f} 0 {width:.1f} {height:.1f}" width="1200">'
        f'<title>{title}</title><rect x="{west:.1f}" width="{width:.1f}" height="{height:.1f}" fill="white"/>'
        f'<path d="{outline}" fill="#eef1f4" fill-rule="evenodd"/>{"".join(parts)}'
        f'<path d="{outline}" fill="none" stroke="#33404d" stroke-width="0.3"/>'
        f'<text x="{west + 2:.1f}" y="6" font-size="5" font-family="sans-serif">{title}</text></svg>\n'
    )


def _path(polygons: Iterable[shapely.Polygon], north: float) -> str:
    lines = []
    for polygon in polygons:
        if not isinstance(polygon, shapely.Polygon) or polygon.is_empty:
            continue
        for ring in (polygon.exterior, *polygon.interiors):
            xy = np.asarray(ring.coords)
            lines.append("M" + "L".join(f"{x:.1f} {north - y:.1f}" for x, y in xy[:-1]) + "Z")
    return "".join(lines)


def write_png(path: Path, pixels: RGB) -> None:
    """Write (rows, columns, 3) pixels."""
    rows, columns = pixels.shape[:2]
    raw = b"".join(b"\x00" + row.tobytes() for row in np.ascontiguousarray(pixels))

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", columns, rows, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(raw, 6)) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)


class Film:
    """Frames of a run, a frame a simulated second, people coloured by speed; at most ``width`` pixels wide."""

    def __init__(self, ground: Ground, width: int = 960) -> None:
        r = ground.raster
        self.west, self.north = float(r.x.min()) - 1, float(r.y.max()) + 1
        east, south = float(r.x.max()) + 1, float(r.y.min()) - 1
        self.scale = width / (east - self.west)
        rows = int((self.north - south) * self.scale) // 2 * 2 + 2
        self.floor: RGB = np.full((rows, width // 2 * 2, 3), 255, np.uint8)
        row, column = self._pixel(r.x, r.y)
        self.floor[row, column] = (226, 230, 235)
        self.frames: list[RGB] = []

    def _pixel(
        self, x: NDArray[np.float64], y: NDArray[np.float64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        row = np.clip((self.north - y) * self.scale, 0, self.floor.shape[0] - 1).astype(int)
        column = np.clip((x - self.west) * self.scale, 0, self.floor.shape[1] - 1).astype(int)
        return row, column

    def add(self, crowd: Crowd) -> None:
        """Take a frame now."""
        frame, here = self.floor.copy(), crowd.here
        row, column = self._pixel(crowd.x[here], crowd.y[here])
        slow = np.clip(1 - crowd.speed[here] / 1.2, 0, 1)
        colour = np.column_stack([40 + 190 * slow, 140 - 90 * slow, 200 - 150 * slow]).astype(np.uint8)
        for dy in (0, 1):
            for dx in (0, 1):
                frame[
                    np.minimum(row + dy, frame.shape[0] - 1), np.minimum(column + dx, frame.shape[1] - 1)
                ] = colour
        self.frames.append(frame)

    @staticmethod
    def check(path: Path) -> None:
        """Tell before a run whether its film can be written. :raises ValueError: .mp4, and PyAV is not installed."""
        if path.suffix.lower() == ".mp4" and find_spec("av") is None:
            raise ValueError(
                "--video with .mp4 needs the extra `video` (PyAV); allowed without it: a folder of PNG frames"
            )

    def write(self, path: Path, per_s: int = 20) -> None:
        """Write a film (.mp4, with the extra ``video``; H.264 where PyAV has it, so that browsers play it) or a folder
        of PNG frames (any other name).

        :raises ValueError: a film is asked for and PyAV is not installed.
        """
        self.check(path)
        if path.suffix.lower() != ".mp4":
            path.mkdir(parents=True, exist_ok=True)
            for number, frame in enumerate(self.frames):
                write_png(path / f"frame-{number:05}.png", frame)
            return
        import av

        codec = "libx264" if "libx264" in av.codecs_available else "mpeg4"
        with av.open(str(path), "w") as out:
            stream = out.add_stream(codec, rate=per_s)
            stream.height, stream.width = self.floor.shape[:2]
            stream.pix_fmt = "yuv420p"
            for frame in self.frames:
                out.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
            out.mux(stream.encode())
