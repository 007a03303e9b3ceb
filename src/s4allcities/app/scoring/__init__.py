"""Scoring fusion against generated worlds whose truth is known, beside simpler rules on the same detections."""
