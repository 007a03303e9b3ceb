"""Metrics only: how good were the detections, incidents and alerts. Pure functions over arrays, no I/O."""
