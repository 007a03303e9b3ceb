"""Twin 2: weak detections in, few explained incidents out."""
