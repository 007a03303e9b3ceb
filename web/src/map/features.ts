// The picture as GeoJSON for the map's sources. Pure: same picture, same features.
import type * as R from '../domain/records';
import { priorityOf, type Priority } from '../lib/priority';
import { middle, positions, type Shape, type Site } from '../lib/site';
import type { Picture } from '../store/picture';

type LonLat = R.LonLat;
export type Features = GeoJSON.FeatureCollection<GeoJSON.Geometry, Record<string, unknown>>;

export const collection = (features: GeoJSON.Feature[]): Features => ({
  type: 'FeatureCollection',
  features: features as Features['features'],
});

const feature = (geometry: GeoJSON.Geometry, properties: Record<string, unknown>): GeoJSON.Feature => ({
  type: 'Feature',
  geometry,
  properties,
});

/** The parts of the picture that a layer needs: it is drawn anew only when these change. */
type Part<K extends keyof Picture> = Pick<Picture, K>;

export function priorityByIncident(picture: Part<'alerts'>): Map<string, Priority> {
  const found = new Map<string, Priority>();
  for (const { incident_id, level } of picture.alerts.values())
    found.set(incident_id, Math.min(priorityOf(level), found.get(incident_id) ?? 4) as Priority);
  return found;
}

export function unitFeatures(site: Site, picture: Part<'zones'>): Features {
  return collection(
    site.units.map((unit) => {
      const zone = picture.zones.get(unit.properties.slug);
      const name = zone?.name || unit.properties.name;
      const people = zone?.people === null || !zone ? '' : `\n${Math.round(zone.people)}`;
      const density = zone?.density_p_m2 ?? 0;
      return { ...unit, properties: { ...unit.properties, label: `${name}${people}`, density } };
    }),
  );
}

export interface SensorFeatures {
  normal: Features;
  odd: Features;
}

export function sensorIcon(
  sensor: R.Sensor | undefined,
  letter: string,
  priority: Priority | undefined,
): string {
  if (sensor?.abnormal) return `sensor|${letter}|p${priority ?? 3}`;
  if (sensor?.state === 'gone') return `sensor|${letter}|gone`;
  if (sensor && ['stale', 'late', 'clock wrong'].includes(sensor.state)) return `sensor|${letter}|stale`;
  return `sensor|${letter}|normal`;
}

/** Sensors on this level; what is abnormal or silent is drawn at every zoom, the rest folds into counts. */
export function sensorFeatures(
  site: Site,
  picture: Part<'sensors' | 'alerts'>,
  level: number,
): SensorFeatures {
  const priorities = priorityByIncident(picture);
  const normal: GeoJSON.Feature[] = [];
  const odd: GeoJSON.Feature[] = [];
  for (const spot of site.sensors) {
    const { slug, letter } = spot.properties;
    const own = picture.sensors.get(slug);
    const here = spot.properties.level === null || spot.properties.level === level;
    if (!here && !own?.abnormal) continue;
    const icon = sensorIcon(own, letter || own?.letter || '?', priorities.get(own?.incident ?? ''));
    const plain = icon.endsWith('normal');
    (plain ? normal : odd).push(
      feature(spot.geometry, {
        slug,
        icon,
        name: spot.properties.name,
        here,
        rank: own?.abnormal ? 2 : plain ? 0 : 1,
      }),
    );
  }
  return { normal: collection(normal), odd: collection(odd) };
}

function pieces(source: R.Hazard['geojson']): GeoJSON.Feature[] {
  if (source.type === 'FeatureCollection') return source.features;
  return [source.type === 'Feature' ? source : feature(source, {})];
}

const WHEN = ['now', '5min', '10min'];

/** Contours of the hazard, and for each prediction a label at its southern end. */
export function hazardFeatures(picture: Part<'hazards'>): Features {
  const found: GeoJSON.Feature[] = [];
  for (const { id, level: own, geojson } of picture.hazards.values()) {
    const when = WHEN.find((name) => id.endsWith(name)) ?? id;
    for (const piece of pieces(geojson)) {
      const { geometry } = piece;
      if (!geometry || !positions(geometry).length) continue;
      const level = (piece.properties?.['level'] as number | undefined) ?? own;
      found.push(feature(geometry, { when, level }));
      const lowest = positions(geometry).reduce<LonLat | null>(
        (low, at) => (low && low[1] <= at[1] ? low : at),
        null,
      );
      const minutes = Number.parseInt(when, 10);
      if (lowest && Number.isFinite(minutes))
        found.push(
          feature({ type: 'Point', coordinates: lowest }, { when, level, label: `+${minutes} min` }),
        );
    }
  }
  return collection(found);
}

/** Cuts a route where it changes level; each piece starts where the one before ended. */
export function routePieces(route: R.Route): { path: LonLat[]; level: number }[] {
  const pieces: { path: LonLat[]; level: number }[] = [];
  for (const [index, at] of route.path.entries()) {
    const level = route.levels[index] ?? route.levels.at(-1) ?? 0;
    const last = pieces.at(-1);
    if (last && last.level === level) last.path.push(at);
    else {
      const before = last?.path.at(-1);
      pieces.push({ path: before ? [before, at] : [at], level });
    }
  }
  return pieces.filter(({ path }) => path.length > 1);
}

export function bearing(from: LonLat, to: LonLat): number {
  const east = (to[0] - from[0]) * Math.cos((from[1] * Math.PI) / 180);
  return (Math.atan2(east, to[1] - from[1]) * 180) / Math.PI;
}

const WIDEST_PX = 12;

export function routeFeatures(course: R.CourseOfAction | undefined): Features {
  const found: GeoJSON.Feature[] = [];
  for (const route of course?.routes ?? []) {
    const width = Math.min(WIDEST_PX, 4 + route.people_per_min / 16);
    for (const { path, level } of routePieces(route))
      found.push(
        feature({ type: 'LineString', coordinates: path }, { width, inside: level < 0, exit: route.exit }),
      );
    const [before, end] = route.path.slice(-2);
    if (before && end)
      found.push(
        feature(
          { type: 'Point', coordinates: end },
          { turn: bearing(before, end), assembly: route.assembly },
        ),
      );
  }
  return collection(found);
}

export function jamFeatures(site: Site, picture: Part<'streets'>): Features {
  return collection(
    site.streets.filter(({ properties }) => picture.streets.get(properties.slug)?.traffic === 'jam'),
  );
}

/** Where an incident is shown: amid the sensors that speak for it, else amid its zone. */
export function incidentSpot(site: Site, picture: Picture, incident: R.Incident): LonLat | null {
  const speaking = new Set(incident.terms.filter(({ llr }) => llr > 0).flatMap((term) => term.sensors));
  const named = new Set([...incident.place.entities, ...incident.entities]);
  const at = (list: readonly Shape[], wanted: ReadonlySet<string>) =>
    list.filter(({ properties }) => wanted.has(properties.slug)).map(({ geometry }) => middle(geometry));
  const zone = incident.place.zone ?? incident.zones[0] ?? '';
  const spots = [
    at(site.exits, named),
    at(site.sensors, speaking),
    at(site.units, new Set([zone])),
    at(site.streets, new Set([zone])),
  ].find((list) => list.length);
  if (!spots) return null;
  const mean = (axis: 0 | 1) => spots.reduce((total, spot) => total + spot[axis], 0) / spots.length;
  return [mean(0), mean(1)];
}

/** The middle of a line along its own length, for a label beside it. */
export function alongMiddle(geometry: GeoJSON.Geometry): LonLat {
  const line = geometry.type === 'LineString' ? (geometry.coordinates as LonLat[]) : positions(geometry);
  return line[Math.floor(line.length / 2)] ?? middle(geometry);
}
