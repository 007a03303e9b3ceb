"""Twin 2: detections in, tracks of objects over time out."""
