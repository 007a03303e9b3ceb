import asyncio
import gzip
import os
from pathlib import Path

import pytest
from tests.unit.edge.fakes import NOW_US, FakeBus

from s4allcities.domain import ManualClock
from s4allcities.edge.errors import ReplayError
from s4allcities.edge.replay import ReplayOptions, ReplayReport, replay
from s4allcities.edge.sources import SourceTable, built_in_sources
from s4allcities.edge.tabular import Columns, read_lines, sensor_of

DATA = Path(os.environ.get("S4_TEST_DATA", Path(__file__).parents[4] / "shared" / "data"))
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="the reference data are not beside the checkout")
LATER_US = 1_900_000_000_000_000  # 2030: later than any time in the reference files
SOURCES = SourceTable(built_in_sources(max_age_s=None))


def play(path: Path, options: ReplayOptions | None = None, bus: FakeBus | None = None) -> ReplayReport:
    publish = bus.publish_raw if bus is not None else None
    return asyncio.run(
        replay(path, sources=SOURCES, clock=ManualClock(LATER_US), publish=publish, options=options)
    )


def written(tmp_path: Path, content: str | bytes, name: str = "hall.csv") -> Path:
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_csv_lines_are_accepted_or_rejected_with_their_number(tmp_path: Path) -> None:
    report = play(written(tmp_path, "timestamp,value\n2014-04-01 00:00:00,1\n\nx,2\n2014-04-01,nan\n1,2,3\n"))
    assert (report.lines, report.accepted, report.rejected) == (5, 1, 4)
    assert [line.line for line in report.rejected_lines] == [3, 4, 5, 6]
    assert report.reasons == {"empty line": 1, "bad time": 1, "not finite": 1, "wrong columns": 1}


def test_odd_quotes_and_encodings(tmp_path: Path) -> None:
    content = (
        b"type,date(yyyyMMddHHmmss),author,message,latitude,longitude, location\r\n"
        b'mb,20140123170000,ada,"say ""no"", twice",,,\r\n'
        b'mb,20140123170001,bob,two\xa0words and 5" pipe,,,\r\n'
        b'mb,20140123170002,ada,"a line\nbroken",36.0,24.8,Corner St\r\n'
        b"mb,20140123170003,ada,fine,,,\r\n"
    )
    bus = FakeBus()
    report = play(written(tmp_path, content), ReplayOptions(columns=Columns(key=b"k")), bus)
    assert (report.lines, report.accepted) == (4, 4)
    sent = [message.data.decode() for message in bus.waiting.values()]
    assert not any("ada" in data for data in sent)
    assert sent[0].count('"author":"p_') == 1
    assert {message.family for message in bus.waiting.values()} == {"report"}
    assert '"text":"two\xa0words and 5\\" pipe"' in sent[1]
    assert '"text":"a line\\nbroken"' in sent[2]


def test_a_quote_that_never_closes_costs_its_own_line_only(tmp_path: Path) -> None:
    lines = [f"2014-04-01,text {i}" for i in range(100)]
    lines[10] = '2014-04-01,"open'
    report = play(written(tmp_path, "t,message\n" + "\n".join(lines)))
    assert (report.lines, report.accepted) == (100, 99)
    assert [(line.line, line.reason.split(":")[0]) for line in report.rejected_lines] == [
        (12, "unclosed quote")
    ]


def test_people_are_left_out_without_a_key(tmp_path: Path) -> None:
    path = written(tmp_path, "date,author,message\n20140123170000,ada,hello\n")
    (line,) = read_lines(path, Columns())
    assert line.item == {"t_us": 1_390_496_400_000_000, "text": "hello"}


def test_columns_can_be_named_dropped_and_given_a_time_form(tmp_path: Path) -> None:
    path = written(tmp_path, "when;a;b\n04/07/16 01;1;2\n")
    columns = Columns(time="when", time_format="%d/%m/%y %H", rename={"a": "co_ppm", "b": "drop"})
    (line,) = read_lines(path, columns)
    assert line.item == {"t_us": 1_467_594_000_000_000, "co_ppm": 1.0}
    with pytest.raises(ReplayError, match="no column 'x'; there are when, a, b"):
        list(read_lines(path, Columns(time="x")))


def test_a_csv_without_header(tmp_path: Path) -> None:
    (first, second) = read_lines(written(tmp_path, "2014-04-01,1\n2014-04-02,2\n"), Columns())
    assert first.item["value"] == 1.0
    assert second.number == 2


def test_json_lines_name_their_own_family_and_sensor(tmp_path: Path) -> None:
    content = b'{"family": "env", "sensor": "e7", "t": "2014-01-01", "co_ppm": 4}\n[1]\n{"bad\n'
    path = tmp_path / "x.jsonl.gz"
    path.write_bytes(gzip.compress(content))
    bus = FakeBus()
    report = play(path, bus=bus)
    assert (report.lines, report.accepted, report.sent) == (3, 1, 1)
    assert [(m.family, m.sensor) for m in bus.waiting.values()] == [("env", "e7")]


def test_what_the_bus_does_not_store_is_rejected(tmp_path: Path) -> None:
    class Full(FakeBus):
        async def publish_raw(self, family: str, sensor: str, data: bytes, t_us: int = NOW_US) -> int:
            raise OSError("stream is full")

    report = play(written(tmp_path, "t,value\n2014-04-01,1\n"), bus=Full())
    assert (report.accepted, report.reasons) == (0, {"not stored": 1})


def test_speed_follows_the_files_own_times_and_retime_moves_them(tmp_path: Path) -> None:
    clock, bus = ManualClock(NOW_US), FakeBus()
    path = written(tmp_path, "t,value\n2014-04-01 00:00:00,1\n2014-04-01 00:10:00,2\n")
    asyncio.run(
        replay(
            path,
            sources=SOURCES,
            clock=clock,
            publish=bus.publish_raw,
            options=ReplayOptions(speed=60, retime=True),
        )
    )
    assert clock.now_us() == NOW_US + 10_000_000
    assert f'"t_us":{NOW_US + 10_000_000}'.encode() in bus.waiting[2].data


@pytest.mark.parametrize(
    "options",
    [
        ReplayOptions(speed=-1),
        ReplayOptions(retime=True),
        ReplayOptions(family="a b"),
        ReplayOptions(sensor="../x"),
    ],
)
def test_options_that_do_not_fit(tmp_path: Path, options: ReplayOptions) -> None:
    with pytest.raises(ReplayError, match="allowed"):
        play(written(tmp_path, "t,value\n"), options)


@pytest.mark.parametrize(("name", "content"), [("a.csv", b""), ("a.csv.gz", b"no gzip")])
def test_a_file_that_is_none(tmp_path: Path, name: str, content: bytes) -> None:
    with pytest.raises(ReplayError, match=r"a\.csv"):
        play(written(tmp_path, content, name))


def test_sensor_names() -> None:
    assert sensor_of(Path("x/art daily.csv")) == "art_daily"
    assert sensor_of(Path("x/é.csv")) == "file"


@needs_data
@pytest.mark.parametrize(
    ("pattern", "files", "lines", "family"),
    [
        ("timeseries/nab/data/*/*.csv", 41, 137_366, "series"),
        ("cyber/eve/*.json.gz", 3, 1690, "eve"),
        ("incidents/vast_mc3/csv-*.csv", 3, 4063, "report"),
    ],
)
def test_reference_files_are_accounted_for_to_the_last_line(
    pattern: str, files: int, lines: int, family: str
) -> None:
    reports = [play(path) for path in sorted(DATA.glob(pattern))]
    assert len(reports) == files
    assert sum(report.lines for report in reports) == lines
    for report in reports:
        assert report.lines == report.accepted + report.rejected
        assert report.rejected == 0
        assert set(report.families) == {family}
