"""Planning mode and the survey, by the commands that people call."""

import json
from pathlib import Path

import pytest
import yaml
from tests.unit.app.parts import SITE_FOLDER
from tests.unit.awareness.test_risk import ZONES

from s4allcities.awareness.context import entry_from
from s4allcities.awareness.risk import load_checklist
from s4allcities.awareness.risk.plan import load_measures, make_plan
from s4allcities.cli.risk import plan
from s4allcities.cli.site import survey
from s4allcities.domain import from_rfc3339

T_US = from_rfc3339("2026-06-20T18:00:00Z")
GUARDS = entry_from(
    {"type": "measure", "id": "guards", "name": "Guards", "zones": ["ticket-hall"], "effect": {"*": 0.3}}
)


def test_a_plan_ranks_by_risk_and_by_what_a_measure_buys_for_its_cost() -> None:
    found = make_plan("s", ZONES, [], {}, t_us=T_US, occupancy=0.5)
    assert [each.risk for each in found.weak] == sorted((each.risk for each in found.weak), reverse=True)
    worth = [each.bought / each.cost for each in found.measures]
    assert worth == sorted(worth, reverse=True)
    assert all(
        each.before == found.total and each.after == pytest.approx(found.total - each.bought)
        for each in found.measures
    )
    assert any(each.zone == "" for each in found.measures), "some are bought once for all zones"


def test_what_a_measure_buys_is_what_stating_it_changes() -> None:
    without = make_plan("s", ZONES, [], {}, t_us=T_US, occupancy=0.5)
    sprinklers = next(
        each for each in without.measures if each.measure == "sprinklers" and each.zone == "ticket-hall"
    )
    stated = entry_from(
        {
            "type": "measure",
            "id": "sprinklers",
            "zones": ["ticket-hall"],
            "effect": load_measures()["sprinklers"].effect,
        }
    )
    within = make_plan("s", ZONES, [stated], {}, t_us=T_US, occupancy=0.5)
    assert within.total == pytest.approx(sprinklers.after)
    again = [each for each in within.measures if each.measure == "sprinklers"]
    assert all(each.zone != "ticket-hall" for each in again), "what is there is not offered again"


def test_more_people_and_fewer_measures_mean_more_risk() -> None:
    few, many = (make_plan("s", ZONES, [], {}, t_us=T_US, occupancy=share).total for share in (0.1, 0.9))
    guarded = make_plan("s", ZONES, [GUARDS], {}, t_us=T_US, occupancy=0.9).total
    assert few < many
    assert guarded < many


def test_gaps_are_zones_that_no_sensor_of_a_family_sees() -> None:
    seen = {"camera": list(ZONES), "smoke": ["ticket-hall"], "co": [], "counter": list(ZONES)}
    found = make_plan("s", ZONES, [], seen, t_us=T_US, outdoor=["kitchen"])
    gaps = {(each.zone, each.family) for each in found.gaps}
    assert ("east-passage", "smoke") in gaps
    assert ("ticket-hall", "smoke") not in gaps
    assert ("kitchen", "smoke") not in gaps, "outdoors a smoke detector sees nothing"
    assert not {family for _, family in gaps} & {"camera", "counter"}


def test_the_command_writes_a_report_that_needs_nothing_else(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = tmp_path / "plan.html"
    at = "2026-06-20T18:00:00Z"
    assert plan(SITE_FOLDER, at=at, occupancy=0.6, report=report, as_json=True) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["site"] == "helsinki-station"
    assert document["surveyed"] is False
    assert len(document["weak"]) == 25
    page = report.read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>")
    assert "What measures would buy" in page
    assert "© OpenStreetMap contributors" in page
    assert "<script" not in page
    assert "http" not in page
    assert plan(SITE_FOLDER, at=at) == 0
    assert "What would buy most for its cost" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"at": "then"}, "--at is 'then'; allowed is an RFC 3339 time"),
        ({"occupancy": 2.0}, "occupancy is 2.0; allowed are 0 to 1"),
        ({"survey": Path("nowhere.yaml")}, "nowhere.yaml: cannot be read"),
    ],
)
def test_wrong_use_is_said_in_one_line(
    options: dict[str, object], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert plan(SITE_FOLDER, **options) == 2  # type: ignore[arg-type]
    said = capsys.readouterr().err
    assert words in said
    assert said.count("\n") == 1


def test_an_unknown_site_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert plan(tmp_path / "none") == 2
    assert survey(tmp_path / "none") == 2
    assert capsys.readouterr().err


def test_a_survey_is_written_filled_in_scored_and_used(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "survey.yaml"
    assert survey(SITE_FOLDER, template=file) == 0
    filled = yaml.safe_load(file.read_text())
    assert set(filled["entries"][0]["answers"]) == set(load_checklist().questions)
    capsys.readouterr()
    assert survey(SITE_FOLDER, answers=file, as_json=True) == 0
    empty = json.loads(capsys.readouterr().out)["surveys"][0]
    assert set(empty["vulnerability"].values()) == {0.98}
    filled["entries"][0]["answers"] = dict.fromkeys(load_checklist().questions, 3)
    file.write_text(yaml.safe_dump(filled))
    assert survey(SITE_FOLDER, answers=file, as_json=True) == 0
    better = json.loads(capsys.readouterr().out)["surveys"][0]["vulnerability"]
    assert all(value == pytest.approx(0.98 - 0.75 * 0.68) for value in better.values())
    at = "2026-06-20T18:00:00Z"
    assert plan(SITE_FOLDER, survey=file, at=at, occupancy=0.6, as_json=True) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["surveyed"] is True


def test_an_answer_to_no_question_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "survey.yaml"
    file.write_text("entries: [{type: survey, id: s, answers: {moat: 4}}]")
    assert survey(SITE_FOLDER, answers=file) == 2
    assert "no question 'moat'; allowed: perimeter" in capsys.readouterr().err
    file.write_text("entries: [{type: survey, id: s, answers: {exits: 9}}]")
    assert survey(SITE_FOLDER, answers=file) == 2


def test_a_site_without_a_survey_says_how_to_make_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert survey(SITE_FOLDER) == 0
    assert "no survey; write one with --template FILE" in capsys.readouterr().out
