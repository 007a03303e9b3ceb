// What could be done now, as the server works it out from the live picture; and how it is laid out side by side.
import type { Hazard, LonLat } from '../domain/records';
import { positions } from './site';

/** Seconds from now and people. */
export type Curve = readonly (readonly [number, number])[];
export type ResponseName = 'evacuate' | 'invacuate' | 'lockdown' | 'hold';

export interface PlanResponse {
  response: ResponseName;
  exposure_person_s: number;
  over_s: number;
  /** Until all who can move have arrived; none where nobody moves. */
  clearance_s: number | null;
  people_moved: number;
  without_way: number;
  max_density_p_m2: number;
  densest_zone: string;
  free_exits: string[];
  threatened: Curve;
}

export interface Way {
  from_zone: string;
  exit: string;
  letter: string;
  assembly: string;
  people: number;
  t_departs_s: number;
  t_clear_s: number;
  people_per_min: number;
  path: LonLat[];
  levels: number[];
  /** It leads through a hazard, as there is no other way. */
  through: boolean;
}

export interface PlannedExit {
  exit: string;
  letter: string;
  state: 'usable' | 'doubtful' | 'unusable';
  reason: string;
  people: number;
  capacity_per_min: number;
  planned: Curve;
}

export interface Options {
  t_us: number;
  closed: string[];
  counted: string[];
  names: Record<string, string>;
  plan: {
    people: number;
    occupancy: Record<string, number>;
    clearance_s: { p50: number | null; p95: number | null; runs: number };
    optimum_s: number;
    routes: Way[];
    exits: PlannedExit[];
    bottleneck: string;
    stranded: Record<string, number>;
    /** Zones without a way clear of the hazard, and the people there who are led out through it. */
    shut_in: Record<string, number>;
    give_out: { texts: Record<string, string[]>; plan: { price_s?: number } } | null;
    nearest_exit_s: number;
    gain_nearest_exit: number | null;
    alternatives: PlanResponse[];
    what_if: { change: string; clearance_s: number; saves_s: number; stranded: number }[];
    arrivals: Curve;
    assumptions: string[];
    notes: string[];
    compute_ms: number;
  };
}

/** What is best of a row: the least or the most; nothing where all are the same or nothing is known. */
export function bestOf(values: readonly (number | null)[], least: boolean): boolean[] {
  const known = values.filter((value): value is number => value !== null);
  const best = least ? Math.min(...known) : Math.max(...known);
  const same = known.every((value) => value === best);
  return values.map((value) => !same && value === best);
}

/** The height of a staircase at a second. */
export function heightAt(curve: Curve, seconds: number, before = 0): number {
  let height = before;
  for (const [t, value] of curve) {
    if (t > seconds) break;
    height = value;
  }
  return height;
}

/** A staircase as an SVG path in a box of w by h, the last step held to the right edge. */
export function stairPath(curve: Curve, w: number, h: number, span_s: number, most: number): string {
  const x = (t: number): string => ((Math.min(t, span_s) / span_s) * w).toFixed(1);
  const y = (value: number): string => (h - (value / Math.max(most, 1)) * h).toFixed(1);
  const first = curve[0];
  if (!first) return '';
  let path = `M${x(first[0])} ${y(first[1])}`;
  for (const [t, value] of curve.slice(1)) {
    if (t > span_s) break;
    path += `H${x(t)}V${y(value)}`;
  }
  return `${path}H${w.toFixed(1)}`;
}

/** In how many minutes a hazard's outline holds: `now` is 0, `smoke/5min` is 5. */
export function minutesOf({ id }: Pick<Hazard, 'id'>): number {
  const minutes = Number.parseInt(id.split('/').at(-1) ?? '', 10);
  return Number.isFinite(minutes) ? minutes : 0;
}

/** Which outline holds at a minute: the latest that has come; the others are still ahead, or past. */
export function whenOf(minutes: readonly number[], at: number): ('past' | 'holds' | 'ahead')[] {
  const holds = Math.max(...minutes.filter((each) => each <= at));
  return minutes.map((each) => (each > at ? 'ahead' : each === holds ? 'holds' : 'past'));
}

export interface Projection {
  /** Width and height of the drawing. */
  w: number;
  h: number;
  at: (spot: LonLat) => [number, number];
}

/** Longitude and latitude on a flat drawing of a given width, north up. */
export function project(bounds: readonly [LonLat, LonLat], w: number, margin = 12): Projection {
  const [[west, south], [east, north]] = bounds;
  const shrink = Math.cos(((south + north) / 2) * (Math.PI / 180));
  const scale = (w - 2 * margin) / Math.max((east - west) * shrink, 1e-9);
  const h = (north - south) * scale + 2 * margin;
  return {
    w,
    h,
    at: ([lon, lat]) => [margin + (lon - west) * shrink * scale, margin + (north - lat) * scale],
  };
}

/** The outline of polygons and lines as an SVG path. */
export function outlinePath(geometry: GeoJSON.Geometry, at: Projection['at']): string {
  const line = (spots: readonly LonLat[]): string =>
    spots.map((spot, n) => `${n ? 'L' : 'M'}${at(spot).map((v) => v.toFixed(1)).join(' ')}`).join(''); // prettier-ignore
  switch (geometry.type) {
    case 'Polygon':
      return geometry.coordinates.map((ring) => `${line(ring as LonLat[])}Z`).join('');
    case 'MultiPolygon':
      return geometry.coordinates.flat().map((ring) => `${line(ring as LonLat[])}Z`).join(''); // prettier-ignore
    case 'GeometryCollection':
      return geometry.geometries.map((each) => outlinePath(each, at)).join('');
    default:
      return line(positions(geometry));
  }
}

/** The pieces of a hazard's drawing, whatever it is wrapped in. */
export function geometries(geojson: Hazard['geojson']): GeoJSON.Geometry[] {
  if (geojson.type === 'FeatureCollection') return geojson.features.map(({ geometry }) => geometry);
  return [geojson.type === 'Feature' ? geojson.geometry : geojson].filter(Boolean);
}
