"""S4AllCities protects open city spaces: sensors in, few explained incidents out, people decide."""

__version__ = "0.1.0"

__all__ = ("__version__",)
