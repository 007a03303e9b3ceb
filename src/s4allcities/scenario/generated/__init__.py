"""Generated worlds: a true course of events, detectors that err by stated laws, detections with their truth."""
