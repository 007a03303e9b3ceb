"""From a site folder to a ``Site``."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import shapely
from shapely.geometry import Polygon, shape

from .arrays import F8
from .errors import SiteError
from .features import Feature
from .folder import Folder, read_folder
from .frame import Frame
from .model import Assembly, Level, Link, Opening, SensorSpec, Site, Street, Zone
from .references import check_references

__all__ = ("load_site", "middle_of", "site_from_folder")


def load_site(path: str | Path) -> Site:
    """Load a site folder.

    Checks the form of every feature and that what they name exists; ``validate_site`` checks geometry too.

    :raises SiteError: the folder cannot be used; the message names the first fault and counts the others.
    """
    folder = read_folder(Path(path))
    faults = sorted(folder.problems) or check_references(folder)
    if faults:
        more = f" (and {len(faults) - 1} more: run `s4 site validate`)" if len(faults) > 1 else ""
        raise SiteError(f"{path}: {faults[0]}{more}")
    return site_from_folder(folder)


def site_from_folder(folder: Folder) -> Site:
    """Build the model from a folder that was read without problems and whose references hold.

    :raises SiteError: the folder has no manifest.
    """
    if folder.manifest is None:
        raise SiteError("manifest.json: the file is missing; every site has one")
    return _Builder(folder, Frame(*folder.manifest.site.anchor)).build()


class _Builder:
    """Turns features into the model; holds the frame, the language and the level of each id meanwhile."""

    def __init__(self, folder: Folder, frame: Frame) -> None:
        assert folder.manifest is not None
        self.folder, self.frame, self.manifest = folder, frame, folder.manifest
        self.ordinals: dict[str, int] = {}
        for level in folder.all("level"):
            self.ordinals[level.id] = self.ordinals[level.props.slug] = level.props.ordinal

    def build(self) -> Site:
        header = self.manifest.site
        venue = next(self.folder.all("venue"))
        return Site(
            slug=header.slug,
            name=self._name(venue),
            frame=self.frame,
            outline=self._area(venue),
            timezone=header.timezone,
            language=self.manifest.language,
            attribution=header.attribution,
            synthetic_note=header.synthetic_note,
            levels=self._each("level", self._level),
            zones=self._each("unit", self._zone),
            openings=self._each("opening", self._opening),
            links=self._each("relationship", self._link),
            streets=self._each("s4a:street", self._street),
            assembly=self._each("s4a:assembly", self._assembly),
            sensors=self._each("s4a:sensor", self._sensor),
            plans=self.manifest.plans,
        )

    def _each(self, feature_type: str, make: Callable[[Feature], Any]) -> tuple[Any, ...]:
        return tuple(make(feature) for feature in self.folder.all(feature_type))

    def _name(self, feature: Feature) -> str:
        labels = feature.props.name or {}
        for language in (self.manifest.language, "en"):
            if language in labels:
                return str(labels[language])
        return str(next(iter(labels.values()), feature.props.slug))

    def _common(self, feature: Feature) -> dict[str, Any]:
        return {"slug": feature.props.slug, "id": feature.id, "name": self._name(feature)}

    def _area(self, feature: Feature) -> Polygon:
        area = shape({"type": feature.shape, "coordinates": feature.coordinates})
        return shapely.transform(area, self.frame.ring_to_local)

    def _lines(self, feature: Feature) -> tuple[F8, ...]:
        parts: Iterable[Any] = (
            feature.coordinates if feature.shape == "MultiLineString" else [feature.coordinates]
        )
        return tuple(self.frame.ring_to_local([position[:2] for position in part]) for part in parts)

    def _point(self, feature: Feature) -> dict[str, Any]:
        lon, lat = map(float, feature.coordinates[:2])
        x_m, y_m = self.frame.to_local(lon, lat)
        return {"lon": lon, "lat": lat, "x_m": float(x_m), "y_m": float(y_m)}

    def _level(self, feature: Feature) -> Level:
        props = feature.props
        short = next(iter((props.short_name or {}).values()), str(props.ordinal))
        return Level(**self._common(feature), short_name=short, ordinal=props.ordinal, outdoor=props.outdoor)

    def _zone(self, feature: Feature) -> Zone:
        props, polygon = feature.props, self._area(feature)
        middle = middle_of(polygon)
        return Zone(
            **self._common(feature),
            level=self.ordinals[props.level_id],
            category=props.category,
            outdoor=props.outdoor,
            polygon=polygon,
            x_m=middle[0],
            y_m=middle[1],
            area_m2=float(polygon.area),
            capacity_people=props.capacity_people,
            synthetic=props.synthetic,
        )

    def _opening(self, feature: Feature) -> Opening:
        props, line = feature.props, self._lines(feature)[0]
        x_m, y_m = map(float, (line[0] + line[-1]) / 2)
        lon, lat = map(float, self.frame.to_lonlat(x_m, y_m))
        return Opening(
            **self._common(feature),
            level=self.ordinals[props.level_id],
            connects=props.connects,
            line_m=line[[0, -1]],
            x_m=x_m,
            y_m=y_m,
            lon=lon,
            lat=lat,
            width_m=props.width_m,
            letter=props.letter or "",
            state=props.state,
            stair=props.stair,
            flow=props.flow,
            step_free=props.step_free,
            controller=props.controller or "",
            synthetic=props.synthetic,
        )

    def _link(self, feature: Feature) -> Link:
        props = feature.props
        return Link(
            **self._common(feature),
            kind=props.category,
            lower=props.connects[0],
            upper=props.connects[1],
            line_m=self._lines(feature)[0],
            width_m=props.width_m,
            stair=props.stair,
            step_free=props.step_free,
            synthetic=props.synthetic,
        )

    def _street(self, feature: Feature) -> Street:
        props = feature.props
        return Street(
            **self._common(feature),
            walkable=props.walkable,
            carriageway=props.carriageway,
            width_m=props.width_m,
            lines_m=self._lines(feature),
            along=props.along,
            synthetic=props.synthetic,
        )

    def _assembly(self, feature: Feature) -> Assembly:
        return Assembly(
            **self._common(feature), **self._point(feature), capacity_people=feature.props.capacity_people
        )

    def _sensor(self, feature: Feature) -> SensorSpec:
        props = feature.props
        return SensorSpec(
            **self._common(feature),
            **self._point(feature),
            family=props.family,
            letter=props.letter,
            quantities=props.quantities,
            level=self.ordinals[props.level_id],
            zone=props.unit or "",
            covers=props.covers,
            synthetic=props.synthetic,
        )


def middle_of(polygon: Polygon) -> tuple[float, float]:
    """Give the centroid if it lies inside, else the point deepest inside (metres)."""
    centre = polygon.centroid
    if not polygon.contains(centre):
        centre = shapely.maximum_inscribed_circle(polygon, tolerance=0.5).coords[0]
        return float(centre[0]), float(centre[1])
    return float(centre.x), float(centre.y)
