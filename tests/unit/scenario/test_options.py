"""Names, files and settings: what cannot be used is refused in one line that says what is allowed."""

from pathlib import Path

import msgspec
import pytest
from tests.unit.scenario.conftest import HELSINKI

from s4allcities.cli.scenario import app
from s4allcities.scenario.errors import ScenarioError
from s4allcities.scenario.files import list_scenarios, load_scenario
from s4allcities.scenario.options import check_options, find_exit, find_fire_zone, find_street
from s4allcities.scenario.run import main, read_credentials, settings_of
from s4allcities.site import SiteError, load_site


def test_the_site_has_both_scenarios() -> None:
    assert list_scenarios(HELSINKI) == ("station-fire", "station-rush-hour")
    assert load_scenario(HELSINKI, "station-rush-hour").benign
    assert not load_scenario(HELSINKI, "station-fire").benign


@pytest.mark.parametrize(
    ("text", "slug"), [("A", "exit-a"), ("exit-t", "exit-t"), ("Exit B", "exit-b"), ("j", "exit-j")]
)
def test_an_exit_by_letter_slug_or_name(text: str, slug: str) -> None:
    assert find_exit(load_site(HELSINKI), text).slug == slug


def test_zones_and_streets_by_slug_or_name() -> None:
    site = load_site(HELSINKI)
    assert find_fire_zone(site, "Ticket hall").slug == "ticket-hall"
    assert find_street(site, "Mannerheimintie").slug == "mannerheimintie"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"fire_at": "attic"}, "--fire-at 'attic': unknown here; allowed: compass-hall"),
        ({"fire_at": "station-square"}, "allowed: compass-hall, east-passage, kitchen"),
        ({"jam": "vilhonkatu"}, "--jam 'vilhonkatu': unknown here; allowed: kaivokatu, keskuskatu"),
        ({"close": "exit-z"}, "--close 'exit-z': unknown here; allowed: exit-a, exit-b"),
        ({"close": " "}, "--close ' ': unknown here"),
        ({"speed": 0.0}, "--speed 0.0: allowed are numbers above 0"),
        ({"speed": float("nan")}, "--speed nan"),
    ],
)
def test_unknown_names_are_refused(options: dict[str, object], says: str) -> None:
    with pytest.raises(ScenarioError) as refusal:
        check_options(HELSINKI, "station-fire", **options)  # type: ignore[arg-type]
    assert says in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_an_unknown_scenario_and_a_fire_where_nothing_burns() -> None:
    with pytest.raises(ScenarioError, match="allowed: station-fire, station-rush-hour"):
        check_options(HELSINKI, "flood")
    with pytest.raises(ScenarioError, match="nothing burns in scenario 'station-rush-hour'"):
        check_options(HELSINKI, "station-rush-hour", fire_at="kitchen")


HEAD = 'title = "T"\nsummary = "S"\nduration_s = 10.0\n'


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("title = ", "Invalid value"),
        ('title = "T"', "missing required field `summary`"),
        (HEAD + "[crowd]\noccupancy = 2.0", "<= 1"),
        (HEAD + "[crowd]\npeople = 3", "unknown field `people`"),
        (HEAD + '[write]\nexit = "exit-j"\nsource = "10.0.0.1"', "write needs a scan"),
        (HEAD + "[camera_freeze]", "camera_freeze needs a write"),
        (HEAD.replace("10.0", "-1.0"), "duration_s"),
    ],
)
def test_a_bad_file_is_refused(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "scenarios").mkdir()
    (tmp_path / "scenarios" / "bad.toml").write_text(text)
    with pytest.raises(ScenarioError) as refusal:
        load_scenario(tmp_path, "bad")
    assert "bad.toml" in str(refusal.value)
    assert says in str(refusal.value)


def test_credentials(tmp_path: Path) -> None:
    path = tmp_path / "credentials.json"
    path.write_text('{"smoke-21": "secret"}')
    assert read_credentials(path) == {"smoke-21": "secret"}
    path.write_text("[1]")
    with pytest.raises(ScenarioError, match="allowed is a JSON object, user: password"):
        read_credentials(path)
    with pytest.raises(ScenarioError):
        read_credentials(tmp_path / "nowhere.json")


def words(tmp_path: Path, *more: str, mqtt: str = "127.0.0.1:1883", site: Path = HELSINKI) -> list[str]:
    credentials = tmp_path / "credentials.json"
    credentials.write_text("{}")
    return [
        "--site", str(site), "--scenario", "station-fire", "--mqtt", mqtt, "--http", "http://127.0.0.1:1",
        "--credentials", str(credentials), "--out", str(tmp_path / "out"), *more,
    ]  # fmt: skip


def test_settings_of_a_command_line(tmp_path: Path) -> None:
    settings = settings_of(
        words(tmp_path, "--seed", "4", "--speed", "10", "--origin-us", "5", "--close", "A", "--keep")
    )
    assert (settings.mqtt_host, settings.mqtt_port, settings.keep) == ("127.0.0.1", 1883, True)
    assert (settings.options.seed, settings.options.close) == (4, "A")
    assert settings.clock().now_us() > 0


def test_a_wrong_command_line_ends_with_2_and_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words(tmp_path, mqtt="nowhere")) == 2
    assert main(words(tmp_path, "--jam", "nowhere")) == 2
    assert main(words(tmp_path, site=tmp_path)) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 3)
    with pytest.raises(SiteError):
        settings_of(words(tmp_path, site=tmp_path))


def command(*given: str) -> int:
    code = app([*given], exit_on_error=False, print_error=False, result_action="return_value")
    assert isinstance(code, int)
    return code


def test_s4_scenario_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert command("list", "--site", str(HELSINKI), "--json") == 0
    document = msgspec.json.decode(capsys.readouterr().out)
    names = [row["name"] for row in document["scenarios"]]
    assert names[:2] == ["station-fire", "station-rush-hour"]
    assert command("list", "--site", str(HELSINKI)) == 0
    assert "station-fire" in capsys.readouterr().out


def test_s4_scenario_list_of_a_bad_site(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command("list", "--site", str(tmp_path)) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_s4_scenario_run_prints_truth_and_observations(capsys: pytest.CaptureFixture[str]) -> None:
    assert command("run", "station-fire", "--site", str(HELSINKI), "--events", "--seed", "2") == 0
    rows = [msgspec.json.decode(line) for line in capsys.readouterr().out.splitlines()]
    kinds = {row["kind"] for row in rows}
    assert kinds == {"event", "observation", "state"}
    assert {"fire", "scan", "write", "camera-frozen", "jam"} <= {row.get("what") for row in rows}


@pytest.mark.parametrize(
    "given", [["flood"], ["station-fire", "--jam", "x"], ["station-fire", "--start", "soon"]]
)
def test_s4_scenario_run_refuses(given: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert command("run", *given, "--site", str(HELSINKI)) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert "allowed" in err
