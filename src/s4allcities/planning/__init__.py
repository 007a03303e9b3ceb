"""Pure algorithms: evacuation flow, ranking of options, sensor placement."""
