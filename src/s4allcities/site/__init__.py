"""The venue model: zones, openings, streets, levels, the walking graph and its importers."""
