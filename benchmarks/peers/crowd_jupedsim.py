"""JuPedSim in a plain hall: the same people, doors and step as ours, the same model (collision-free speed)."""

import json
import sys
import time

import jupedsim as jps
import shapely


def main() -> None:
    asked = json.load(sys.stdin)
    hall = shapely.union_all([shapely.box(*part) for part in asked["parts"]])
    simulation = jps.Simulation(model=jps.CollisionFreeSpeedModel(), geometry=hall, dt=asked["dt_s"])
    journeys = []
    for door in asked["doors"]:
        west, south, east, north = door
        stage = simulation.add_exit_stage([(west, south), (east, south), (east, north), (west, north)])
        journeys.append((simulation.add_journey(jps.JourneyDescription([stage])), stage))
    for (x, y), speed, door in zip(asked["places"], asked["speeds"], asked["goal"], strict=True):
        journey, stage = journeys[door]
        simulation.add_agent(
            jps.CollisionFreeSpeedModelAgentParameters(
                position=(x, y),
                time_gap=asked["gap_s"],
                desired_speed=speed,
                radius=asked["radius_m"],
                journey_id=journey,
                stage_id=stage,
            )
        )
    simulation.iterate()
    done, began = 0, time.process_time()
    for _ in range(asked["steps"]):
        done += simulation.agent_count()
        simulation.iterate()
    spent = time.process_time() - began
    version = getattr(jps, "__version__", "")
    print(
        json.dumps(
            {"agent_steps": done, "cpu_s": spent, "left": simulation.agent_count(), "version": version}
        )
    )


main()
