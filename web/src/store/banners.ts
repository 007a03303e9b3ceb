// One banner at a time: the worst wins.
import type { Picture } from './picture';
import { askedOf, type Person } from './releases';

export const STALE_S = 3;
const FLOOD_ALERTS = 10;
const FLOOD_WINDOW_US = 600e6;
const SENSOR_LOSS_SHARE = 0.1;
/** A drop of one second is not worth a word: the page is back before it is read. */
const GRACE_MS = 700;

export type Banner =
  | { kind: 'disconnected'; since_ms: number }
  | { kind: 'stale'; age_s: number }
  | { kind: 'flood'; count: number }
  | { kind: 'sensor-loss'; lost: number; total: number }
  | { kind: 'second-person'; release_id: string };

export interface Situation {
  picture: Picture;
  who: Person;
  connected: boolean;
  loaded: boolean;
  t_lost_ms: number;
  t_frame_ms: number;
  now_ms: number;
  now_us: number;
}

export const dataAge_s = (from: Pick<Situation, 't_frame_ms' | 'now_ms'>): number =>
  from.t_frame_ms ? Math.max(0, (from.now_ms - from.t_frame_ms) / 1000) : 0;

function connection(s: Situation): Banner | null {
  if (!s.connected && s.t_lost_ms && s.now_ms - s.t_lost_ms > GRACE_MS)
    return { kind: 'disconnected', since_ms: s.t_lost_ms };
  const age_s = dataAge_s(s);
  return s.loaded && age_s > STALE_S ? { kind: 'stale', age_s } : null;
}

function flood(s: Situation): Banner | null {
  const since = s.now_us - FLOOD_WINDOW_US;
  const count = [...s.picture.alerts.values()].filter((alert) => alert.t_annunciated_us > since).length;
  return count > FLOOD_ALERTS ? { kind: 'flood', count } : null;
}

function sensorLoss(s: Situation): Banner | null {
  const gone = [...s.picture.sensors.values()].filter(
    ({ state }) => state === 'gone' || state === 'stale',
  ).length;
  const total = s.picture.sensors.size;
  return total && gone / total >= SENSOR_LOSS_SHARE ? { kind: 'sensor-loss', lost: gone, total } : null;
}

function secondPerson(s: Situation): Banner | null {
  const waiting = askedOf(s.picture, s.who);
  return waiting ? { kind: 'second-person', release_id: waiting.id } : null;
}

export function bannerOf(s: Situation): Banner | null {
  return connection(s) ?? flood(s) ?? sensorLoss(s) ?? secondPerson(s);
}
