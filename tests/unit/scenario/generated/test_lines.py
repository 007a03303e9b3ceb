"""The files of a world: fusion can read them, and the truth is in one of them only."""

from pathlib import Path

import msgspec

from s4allcities.fusion import load_hypotheses
from s4allcities.fusion.lines import LineReader
from s4allcities.scenario.generated.lines import write_world
from s4allcities.scenario.generated.worlds import Generator
from s4allcities.site import Site


def test_fusion_reads_every_line_of_every_world(generator: Generator, site: Site, tmp_path: Path) -> None:
    reader = LineReader(
        frozenset(load_hypotheses().kinds),
        frame=site.frame,
        zones=frozenset(zone.slug for zone in site.zones),
    )
    for name in ("vehicle-as-weapon", "blended", "left-bag-twin"):
        world = generator.make(name, 2, "heavy-tails")
        path, _ = write_world(world, site, tmp_path / name)
        read = [reader.read(line) for line in path.read_bytes().splitlines()]
        assert [each.id for each in read] == [each.detection.id for each in world.detections]
        for mine, made in zip(read, world.detections, strict=True):
            assert mine.place.entities == made.detection.place.entities
            if made.detection.place.x_m is not None:
                assert abs((mine.place.x_m or 0) - made.detection.place.x_m) < 0.05


def test_the_truth_is_only_in_the_file_of_the_truth(generator: Generator, site: Site, tmp_path: Path) -> None:
    world = generator.make("fire", 2)
    detections, truth = write_world(world, site, tmp_path)
    for word in (b"event", b"cause", b"benign", b"dangerous", b"arrives"):
        assert word not in detections.read_bytes()
    rows = [msgspec.json.decode(line) for line in truth.read_bytes().splitlines()]
    assert rows[0]["simulated"] is True
    assert rows[0]["split"] == "train"
    assert [row["hypothesis"] for row in rows if row["record"] == "event" and row["dangerous"]] == ["fire"]
    assert {row["id"] for row in rows if row["record"] == "detection"} == {
        each.detection.id for each in world.detections
    }
