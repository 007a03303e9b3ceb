// How the platform does, as `GET /api/v1/accounting` tells it, and what follows from two answers.

export interface StageStatus {
  stage: string;
  lag: number;
  lag_s: number;
  processed: number;
  errors: number;
  running: boolean;
  snapshot_age_s: number | null;
}

export interface RejectedCount {
  source: string;
  reason: string;
  count: number;
  t_last_us: number;
}

export interface SilentSensor {
  sensor: string;
  family: string;
  state: string;
  silent_s: number | null;
}

export interface PlatformReport {
  account: Record<string, number>;
  received: Record<string, number>;
  rejected: RejectedCount[];
  refused_by_broker: Record<string, number>;
  stages: StageStatus[];
  oldest_unprocessed_s: number;
  streams: Record<string, { messages: number; bytes: number }>;
  history: { rows_waiting: number; damaged_files: number };
  sensors: { by_state: Record<string, number>; silent: SilentSensor[] };
  disk: { free_bytes: number; size_bytes: number };
  parts: Record<string, boolean>;
}

export interface Incoming {
  family: string;
  messages: number;
  /** Messages a second since the answer before; null where there was none. */
  per_s: number | null;
}

/** What comes in, by family, busiest first. */
export function incoming(now: PlatformReport, before: PlatformReport | null, elapsed_s: number): Incoming[] {
  return Object.entries(now.received)
    .map(([family, messages]) => {
      const then = before?.received[family] ?? 0;
      // fewer than before: the platform began anew
      const known = before !== null && elapsed_s > 0 && messages >= then;
      return { family, messages, per_s: known ? (messages - then) / elapsed_s : null };
    })
    .sort((a, b) => b.messages - a.messages || a.family.localeCompare(b.family));
}

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'];

/** A size with the unit that leaves one to three digits before the point: 512 B, 1.5 GB. */
export function size(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < UNITS.length - 1) {
    value /= 1000;
    unit += 1;
  }
  return `${value >= 10 || unit === 0 ? Math.round(value) : value.toFixed(1)} ${UNITS[unit]}`;
}

export const LITTLE_ROOM_BYTES = 2e9;
export const LONG_WAIT_S = 30;

/** What is wrong, as keys of `platform.wrong`; empty when all is well. */
export function faults(report: PlatformReport): string[] {
  const found: [boolean, string][] = [
    [Object.values(report.parts).some((works) => !works), 'part'],
    [report.stages.some(({ running }) => !running), 'stage'],
    [report.oldest_unprocessed_s > LONG_WAIT_S, 'wait'],
    [(report.account['expired'] ?? 0) > 0, 'expired'],
    [report.disk.free_bytes < LITTLE_ROOM_BYTES, 'disk'],
  ];
  return found.filter(([wrong]) => wrong).map(([, key]) => key);
}
