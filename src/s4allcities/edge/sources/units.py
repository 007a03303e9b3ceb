"""Units guessed from the end of a quantity's name, as the platform itself writes them (``heat_c``, ``co_ppm``)."""

from functools import lru_cache

__all__ = ("SUFFIX_UNITS", "unit_of")

SUFFIX_UNITS: dict[str, str] = {
    "pct_m": "%/m",
    "per_min": "1/min",
    "per_h": "1/h",
    "per_s": "1/s",
    "per_m2": "1/m2",
    "p_m2": "1/m2",
    "ug_m3": "ug/m3",
    "mg_m3": "mg/m3",
    "w_m2": "W/m2",
    "m_s": "m/s",
    "mps": "m/s",
    "mps2": "m/s2",
    "kmh": "km/h",
    "kph": "km/h",
    "mm_h": "mm/h",
    "c": "°C",
    "degc": "°C",
    "celsius": "°C",
    "k": "K",
    "f": "°F",
    "ppm": "ppm",
    "ppb": "ppb",
    "pct": "%",
    "percent": "%",
    "rh": "%",
    "m": "m",
    "km": "km",
    "cm": "cm",
    "mm": "mm",
    "us": "us",
    "ms": "ms",
    "s": "s",
    "min": "min",
    "h": "h",
    "hz": "Hz",
    "khz": "kHz",
    "pa": "Pa",
    "hpa": "hPa",
    "kpa": "kPa",
    "bar": "bar",
    "mbar": "mbar",
    "db": "dB",
    "dba": "dB(A)",
    "dbm": "dBm",
    "lx": "lx",
    "lux": "lx",
    "v": "V",
    "mv": "mV",
    "a": "A",
    "ma": "mA",
    "w": "W",
    "kw": "kW",
    "wh": "Wh",
    "kwh": "kWh",
    "kg": "kg",
    "g": "g",
    "l": "L",
    "deg": "deg",
    "rad": "rad",
    "bytes": "B",
    "ustrain": "ustrain",
    "pm": "pm",
    "nm": "nm",
}


@lru_cache(maxsize=4096)
def unit_of(quantity: str) -> str:
    """Guess the unit of a quantity from its last one to three words; empty when nothing is known.

    >>> unit_of("smoke_pct_m"), unit_of("speed_kmh"), unit_of("people")
    ('%/m', 'km/h', '')
    """
    words = quantity.lower().split("_")
    for n in (3, 2, 1):
        if len(words) > n and (unit := SUFFIX_UNITS.get("_".join(words[-n:]))):
            return unit
    return ""
