"""Cameras: what an analytic box says of a picture, never the picture."""

from .source import CameraSource as CameraSource
