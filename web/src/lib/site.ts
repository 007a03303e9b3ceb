// The site as the page draws it: features with plain, complete properties, whatever the server left out.
import type { LonLat } from '../domain/records';

export interface SiteResponse {
  slug: string;
  name: string;
  attribution?: string;
  synthetic_note?: string;
  timezone?: string;
  centre?: LonLat;
  bounds?: number[] | number[][];
  levels: { ordinal: number; name: unknown }[];
  collections: Record<string, GeoJSON.FeatureCollection | undefined>;
}

export interface Props {
  slug: string;
  name: string;
  level: number | null;
  letter: string;
  category: string;
  synthetic: boolean;
  width_m: number;
  zones: string[];
}

export type Shape = GeoJSON.Feature<GeoJSON.Geometry, Props>;

export interface Site {
  slug: string;
  name: string;
  attribution: string;
  synthetic_note: string;
  timezone: string | undefined;
  levels: { ordinal: number; name: string }[];
  units: Shape[];
  exits: Shape[];
  streets: Shape[];
  assembly: Shape[];
  sensors: Shape[];
  background: Shape[];
  footprint: Shape[];
  bounds: [LonLat, LonLat];
}

const DEFAULT_STREET_M = 6;

/** IMDF writes names as a table by language. */
function label(value: unknown): string {
  if (typeof value === 'string') return value;
  if (value && typeof value === 'object') return String(Object.values(value)[0] ?? '');
  return '';
}

function strings(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string') : [];
}

function shape(feature: GeoJSON.Feature, index: number): Shape {
  const raw = feature.properties ?? {};
  const pick = (...names: string[]): unknown => {
    for (const name of names) {
      const value = raw[name] ?? raw[`s4a:${name}`];
      if (value !== undefined && value !== null) return value;
    }
    return undefined;
  };
  const level = pick('level', 'ordinal');
  return {
    ...feature,
    id: index,
    properties: {
      slug: String(pick('slug') ?? feature.id ?? index),
      name: label(pick('name')),
      level: typeof level === 'number' ? level : null,
      letter: String(pick('letter') ?? ''),
      category: pick('carriageway') ? 'carriageway' : String(pick('kind', 'category', 'class') ?? ''),
      synthetic: Boolean(pick('synthetic')),
      width_m: Number(pick('width_m', 'width') ?? DEFAULT_STREET_M),
      zones: strings(pick('connects')),
    },
  };
}

export function positions(geometry: GeoJSON.Geometry): LonLat[] {
  if (geometry.type === 'GeometryCollection') return geometry.geometries.flatMap(positions);
  const flat = (value: unknown): LonLat[] =>
    Array.isArray(value) && typeof value[0] === 'number'
      ? [value as LonLat]
      : (value as unknown[]).flatMap(flat);
  return flat(geometry.coordinates);
}

export function boundsOf(shapes: readonly { geometry: GeoJSON.Geometry }[]): [LonLat, LonLat] | null {
  const all = shapes.flatMap((item) => positions(item.geometry));
  if (!all.length) return null;
  const lons = all.map(([lon]) => lon);
  const lats = all.map(([, lat]) => lat);
  return [
    [Math.min(...lons), Math.min(...lats)],
    [Math.max(...lons), Math.max(...lats)],
  ];
}

/** The middle of a shape's corners: good enough for a marker; a line's own middle point. */
export function middle(geometry: GeoJSON.Geometry): LonLat {
  const box = boundsOf([{ geometry }]);
  return box ? [(box[0][0] + box[1][0]) / 2, (box[0][1] + box[1][1]) / 2] : [0, 0];
}

function given(bounds: SiteResponse['bounds']): [LonLat, LonLat] | null {
  const flat = bounds?.flat() as number[] | undefined;
  const [west, south, east, north] = flat ?? [];
  if (west === undefined || south === undefined || east === undefined || north === undefined) return null;
  return [
    [west, south],
    [east, north],
  ];
}

const SAME_DEG = 0.0003;

/** The venue's own building may also be among the background, under another name: one name on the map is enough. */
function withoutTwins(background: Shape[], footprint: Shape[]): Shape[] {
  const centres = footprint.map(({ geometry }) => middle(geometry));
  const twin = ({ geometry, properties }: Shape) => {
    const [lon, lat] = middle(geometry);
    const near = centres.some(
      (at) => Math.abs(at[0] - lon) < 2 * SAME_DEG && Math.abs(at[1] - lat) < SAME_DEG,
    );
    return properties.category === 'building' && near;
  };
  return background.map((item) =>
    twin(item) ? { ...item, properties: { ...item.properties, name: '' } } : item,
  );
}

export function readSite(raw: SiteResponse): Site {
  const shapes = (name: string): Shape[] => (raw.collections[name]?.features ?? []).map(shape);
  const units = shapes('unit');
  const footprint = shapes('footprint');
  const exits = shapes('opening').filter((item) => item.properties.letter);
  const levels = raw.levels.map(({ ordinal, name }) => ({ ordinal, name: label(name) }));
  return {
    slug: raw.slug,
    name: raw.name,
    attribution: raw.attribution || '© OpenStreetMap contributors',
    synthetic_note: raw.synthetic_note ?? '',
    timezone: raw.timezone,
    levels: levels.sort((a, b) => b.ordinal - a.ordinal),
    units,
    exits,
    streets: shapes('street'),
    assembly: shapes('assembly'),
    sensors: shapes('sensor'),
    background: withoutTwins(shapes('background'), footprint),
    footprint,
    bounds: boundsOf(exits.length ? exits : units) ?? given(raw.bounds) ?? [[-1, -1], [1, 1]], // prettier-ignore
  };
}

/** Names by slug of all that has one, for texts that speak of zones, streets and places. */
export function namesOf(site: Site): Map<string, string> {
  const all = [...site.units, ...site.streets, ...site.assembly, ...site.sensors, ...site.exits];
  return new Map(all.map(({ properties }) => [properties.slug, properties.name || properties.slug]));
}

export function lettersOf(site: Site): Map<string, string> {
  return new Map(site.exits.map(({ properties }) => [properties.slug, properties.letter]));
}
