// What the lanes under the map hold.
import type * as R from '../domain/records';
import { BACK_US } from '../lib/axis';
import { isOpen, isUnacknowledged, priorityOf, type Priority } from '../lib/priority';
import type { Picture } from './picture';
import { courseOf, orderOf } from './views';

export interface Bar {
  id: string;
  title: string;
  priority: Priority;
  filled: boolean;
  from_us: number;
  to_us: number;
}

const MOST_BARS = 3;
const MOST_MARKS = 4;

/** One bar an incident, from its first evidence to its end or now; the most urgent first. */
export function incidentBars(picture: Picture, now_us: number): Bar[] {
  const bars = [...picture.alerts.values()].map((alert): Bar => {
    const incident = picture.incidents.get(alert.incident_id);
    return {
      id: alert.id,
      title: alert.title.split(',')[0] ?? alert.title,
      priority: priorityOf(alert.level),
      filled: isUnacknowledged(alert),
      from_us: incident?.t_first_evidence_us ?? alert.t_annunciated_us,
      to_us: isOpen(alert) ? now_us : alert.t_us,
    };
  });
  return bars
    .filter((bar) => bar.to_us > now_us - BACK_US)
    .sort((a, b) => a.priority - b.priority || a.from_us - b.from_us)
    .slice(0, MOST_BARS)
    .sort((a, b) => a.from_us - b.from_us);
}

export interface Tick {
  id: string;
  t_us: number;
  priority: Priority | null;
}

/** One stroke a detection, coloured by the alert that it speaks for. */
export function detectionTicks(picture: Picture, now_us: number): Tick[] {
  const owner = new Map<string, Priority>();
  for (const alert of picture.alerts.values())
    for (const term of picture.incidents.get(alert.incident_id)?.terms ?? [])
      for (const id of term.detections) owner.set(id, priorityOf(alert.level));
  return [...picture.detections.values()]
    .filter(({ t_us }) => t_us > now_us - BACK_US)
    .map(({ id, t_us }) => ({ id, t_us, priority: owner.get(id) ?? null }));
}

/** The last things that people did. */
export function actionMarks(picture: Picture, now_us: number): R.LogEntry[] {
  return [...picture.log.values()]
    .filter(
      ({ role, actor, t_us }) =>
        role !== '' && role !== 'system' && actor !== 'system' && t_us > now_us - BACK_US,
    )
    .sort((a, b) => a.t_us - b.t_us)
    .slice(-MOST_MARKS);
}

export interface Forecast {
  from_us: number;
  p50_us: number | null;
  p95_us: number | null;
  course: R.CourseOfAction;
  ordered: boolean;
}

/** When all are out: counted from the order, or from now as long as nobody ordered. */
export function forecastOf(picture: Picture, incident_id: string, now_us: number): Forecast | null {
  const order = orderOf(picture, incident_id);
  const ordered = order && picture.courses.get(order.course_of_action_id);
  const course = ordered ?? courseOf(picture, incident_id);
  if (!course) return null;
  const from_us = ordered && order ? order.t_us : now_us;
  const at = (seconds: number | null) => (seconds === null ? null : from_us + seconds * 1e6);
  const { p50, p95 } = course.clearance_s;
  return { from_us, p50_us: at(p50), p95_us: at(p95), course, ordered: Boolean(ordered) };
}

export function hazardTimes(
  picture: Picture,
  now_us: number,
): { id: string; t_us: number; minutes: number }[] {
  return [...picture.hazards.keys()].flatMap((id) => {
    const minutes = Number.parseInt(id, 10);
    return Number.isFinite(minutes) ? [{ id, t_us: now_us + minutes * 60e6, minutes }] : [];
  });
}

const CHAR_PX = 6.6;
const PAD_PX = 16;
const room = (text: string): number => text.length * CHAR_PX + PAD_PX;

export interface ForecastLabels {
  /** Inside the bar up to P50; empty where it does not fit. */
  inside: string;
  /** The words beside the bars. */
  beside: string;
  /** How far the words begin from the left, or end from the right when nothing is free behind the bars. */
  left_px: number | null;
}

/** Says as much inside the P50 bar as fits, and the rest behind the P95 bar, or flush with the right edge. */
export function forecastLabels(
  width_px: number,
  at: { from: number; p50: number; p95: number },
  words: { clear: string; p50: string; p95: string },
): ForecastLabels {
  const bar_px = (at.p50 - at.from) * width_px;
  const inside = [words.clear, words.p50].find((text) => room(text) <= bar_px) ?? '';
  const beside = [inside ? '' : words.p50, words.p95].filter(Boolean).join(', ');
  const fits = at.p95 * width_px + room(beside) <= width_px;
  return { inside, beside, left_px: fits ? at.p95 * width_px : null };
}
