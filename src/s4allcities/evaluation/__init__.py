"""Metrics only: how good were the detections, incidents and alerts."""
