"""Twin 2: detectors, one folder a family, each a plug-in."""
