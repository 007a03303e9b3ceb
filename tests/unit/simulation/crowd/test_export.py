"""The export, loaded by the program that it is for."""

import pytest
import shapely

from s4allcities.simulation.crowd.export import jupedsim_document
from s4allcities.simulation.crowd.site_ground import build_site_ground
from s4allcities.site import load_site


def test_jupedsim_runs_the_export_of_the_station() -> None:
    jps = pytest.importorskip("jupedsim", reason="JuPedSim is installed for the benchmarks only")
    site = load_site("sites/helsinki-station")
    document = jupedsim_document(build_site_ground(site))
    for level in document["levels"]:
        piece = max(shapely.get_parts(shapely.from_wkt(level["walkable_wkt"])), key=lambda each: each.area)
        simulation = jps.Simulation(model=jps.CollisionFreeSpeedModel(), geometry=piece)
        ways = []
        for wkt in level["exits"].values():
            stage = simulation.add_exit_stage(shapely.from_wkt(wkt))
            ways.append((simulation.add_journey(jps.JourneyDescription([stage])), stage))
        assert len(ways) == (len(site.exits) if level["level"] == 0 else 0)
        if not ways:
            continue
        people = 0
        for zone in level["zones"].values():
            room = shapely.from_wkt(zone["wkt"]).intersection(piece).buffer(-0.3)
            for place in jps.distribute_by_number(
                polygon=max(shapely.get_parts(room), key=lambda each: each.area), number_of_agents=5,
                distance_to_agents=0.5, distance_to_polygon=0.2, seed=1,
            ):  # fmt: skip
                journey, stage = ways[people % len(ways)]
                simulation.add_agent(
                    jps.CollisionFreeSpeedModelAgentParameters(
                        journey_id=journey, stage_id=stage, position=place
                    )
                )
                people += 1
        simulation.iterate(1000)
        assert simulation.elapsed_time() == pytest.approx(10.0)
        assert 0 < simulation.agent_count() <= people


def test_links_say_where_flights_begin_and_end() -> None:
    site = load_site("sites/helsinki-station")
    document = jupedsim_document(build_site_ground(site))
    assert {each["name"] for each in document["links"]} == {link.slug for link in site.links}
    assert all(each["lower"]["level"] < each["upper"]["level"] for each in document["links"])
