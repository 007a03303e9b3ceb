import type { Judged } from './api';

const EDGE = 4;
const LEAST_SPREAD = 0.05;

export interface UsualChart {
  line: string;
  band: string;
  marks: { x: number; y: number; t_us: number; value: number; why: string }[];
}

/** The line of the readings, the band of what was usual, and where something unusual began; null below two readings. */
export function usualChart(rows: readonly Judged[], width: number, height: number): UsualChart | null {
  const good = rows.filter(([, value]) => Number.isFinite(value));
  const first = good[0];
  const last = good.at(-1);
  if (!first || !last || good.length < 2) return null;
  const values = good.flatMap(([, value, low, high]) => [value, low ?? value, high ?? value]);
  const least = values.reduce((a, b) => Math.min(a, b));
  const most = values.reduce((a, b) => Math.max(a, b));
  const spread = Math.max(most - least, LEAST_SPREAD * Math.max(Math.abs(most), 1));
  const x = (t_us: number) => ((t_us - first[0]) / Math.max(1, last[0] - first[0])) * width;
  const y = (value: number) => height - EDGE - ((value - least) / spread) * (height - 2 * EDGE);
  const at = (t_us: number, value: number) => `${x(t_us).toFixed(1)} ${y(value).toFixed(1)}`;
  const known = good.filter(([, , low, high]) => low !== null && high !== null);
  const upper = known.map(([t_us, , , high]) => at(t_us, high ?? 0));
  const lower = known.map(([t_us, , low]) => at(t_us, low ?? 0)).reverse();
  return {
    line: 'M' + good.map(([t_us, value]) => at(t_us, value)).join('L'),
    band: known.length > 1 ? `M${[...upper, ...lower].join('L')}Z` : '',
    marks: good
      .filter(([, , , , why]) => why !== '')
      .map(([t_us, value, , , why]) => ({ x: x(t_us), y: y(value), t_us, value, why })),
  };
}
