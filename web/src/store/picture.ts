// The picture: what the platform knows now, as collections by id. Pure functions only: a frame and a picture go in, a
// picture comes out, and what did not change stays the same object.
import { restore } from '../domain/defaults';
import type { CourseOptions, Watch } from '../domain/plans';
import type * as R from '../domain/records';

type Table<T> = ReadonlyMap<string, T>;

export interface Picture {
  alerts: Table<R.Alert>;
  incidents: Table<R.Incident>;
  risks: Table<R.Risk>;
  courses: Table<R.CourseOfAction>;
  orders: Table<R.Order>;
  commands: Table<R.Command>;
  detections: Table<R.Detection>;
  sensors: Table<R.Sensor>;
  zones: Table<R.Zone>;
  exits: Table<R.Exit>;
  streets: Table<R.Street>;
  hazards: Table<R.Hazard>;
  log: Table<R.LogEntry>;
  platform: Table<R.Platform>;
  releases: Table<R.Release>;
  entries: Table<R.ContextEntry>;
  services: Table<R.ServiceState>;
  forecasts: Table<R.Forecast>;
  options: Table<CourseOptions>;
  watches: Table<Watch>;
  kpis: Table<R.AlarmKpis>;
  notifications: Table<R.Notification>;
}

export type Collection = keyof Picture;

export interface Live {
  epoch: string;
  seq: number;
  t_us: number;
  picture: Picture;
}

export interface Change {
  in: string;
  id: string;
  value: unknown;
}

export type Frame =
  | { type: 'snapshot'; epoch: string; seq: number; t_us: number; picture: Record<string, unknown> }
  | { type: 'delta'; epoch: string; seq: number; t_us: number; changes: Change[] }
  | { type: 'tick'; seq: number; t_us: number };

/** `gap`: a number is missing before this delta. `stranger`: it belongs to another life of the server. */
export type Outcome = 'applied' | 'ignored' | 'gap' | 'stranger';

const NAMES: readonly Collection[] = [
  'alerts',
  'incidents',
  'risks',
  'courses',
  'orders',
  'commands',
  'detections',
  'sensors',
  'zones',
  'exits',
  'streets',
  'hazards',
  'log',
  'platform',
  'releases',
  'entries',
  'services',
  'forecasts',
  'options',
  'watches',
  'kpis',
  'notifications',
];
const KEPT: Partial<Record<Collection, number>> = { detections: 300, log: 2000 };

export function emptyPicture(): Picture {
  return Object.fromEntries(NAMES.map((name) => [name, new Map()])) as unknown as Picture;
}

export function emptyLive(): Live {
  return { epoch: '', seq: 0, t_us: 0, picture: emptyPicture() };
}

function table(name: Collection, raw: unknown): Map<string, unknown> {
  const entries = Array.isArray(raw)
    ? raw.map((value) => [(value as { id: string }).id, value] as const)
    : Object.entries((raw ?? {}) as Record<string, unknown>);
  return new Map(entries.map(([id, value]) => [id, restore(name, id, value)]));
}

export function readPicture(raw: Record<string, unknown>): Picture {
  return Object.fromEntries(NAMES.map((name) => [name, table(name, raw[name])])) as unknown as Picture;
}

function trimmed(name: Collection, rows: Map<string, unknown>): void {
  const most = KEPT[name] ?? Infinity;
  for (const id of rows.keys()) {
    if (rows.size <= most) return;
    rows.delete(id);
  }
}

/** Applies changes in order. Unknown collections are skipped: a newer server may say more than this page shows. */
export function applyChanges(picture: Picture, changes: readonly Change[]): Picture {
  const touched = new Map<Collection, Map<string, unknown>>();
  for (const { in: where, id, value } of changes) {
    const name = where as Collection;
    if (!NAMES.includes(name)) continue;
    const rows = touched.get(name) ?? new Map<string, unknown>(picture[name]);
    touched.set(name, rows);
    if (value === null || value === undefined) rows.delete(id);
    else rows.set(id, restore(name, id, value));
  }
  for (const [name, rows] of touched) trimmed(name, rows);
  return { ...picture, ...Object.fromEntries(touched) };
}

/**
 * Takes one frame in. A delta counts only if it is the next number of the same epoch; `lenient` lets a jump pass,
 * for a server that melts several deltas into one under load.
 */
export function receive(live: Live, frame: Frame, lenient = false): [Live, Outcome] {
  if (frame.type === 'snapshot') {
    const { epoch, seq, t_us } = frame;
    return [{ epoch, seq, t_us, picture: readPicture(frame.picture) }, 'applied'];
  }
  if (frame.type === 'tick') return [{ ...live, t_us: Math.max(live.t_us, frame.t_us) }, 'applied'];
  if (frame.epoch !== live.epoch) return [live, 'stranger'];
  if (frame.seq <= live.seq) return [live, 'ignored'];
  if (frame.seq !== live.seq + 1 && !lenient) return [live, 'gap'];
  const picture = applyChanges(live.picture, frame.changes);
  return [{ ...live, seq: frame.seq, t_us: Math.max(live.t_us, frame.t_us), picture }, 'applied'];
}

/** Gives the part of the address that asks for what follows the picture at hand. */
export function resumeQuery(live: Live): string {
  if (!live.epoch) return '';
  return `?${new URLSearchParams({ epoch: live.epoch, after: String(live.seq) }).toString()}`;
}
