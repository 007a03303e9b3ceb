export type Point = [t_us: number, value: number];

const EDGE = 3;
const LEAST_SPREAD = 0.05;

/** The line of a small chart, and where its usual value lies; null with fewer than two readings. */
export function sparkPath(
  points: readonly Point[],
  width: number,
  height: number,
  usual: number | null = null,
): { d: string; usual_y: number | null } | null {
  const good = points.filter(([, value]) => Number.isFinite(value));
  const first = good[0];
  const last = good.at(-1);
  if (!first || !last || good.length < 2) return null;
  const values = good.map(([, value]) => value).concat(usual ?? []);
  const low = Math.min(...values);
  const high = Math.max(...values);
  const spread = Math.max(high - low, LEAST_SPREAD * Math.max(Math.abs(high), 1)); // noise stays small
  const y = (value: number) => height - EDGE - ((value - low) / spread) * (height - 2 * EDGE);
  const x = (t_us: number) => ((t_us - first[0]) / Math.max(1, last[0] - first[0])) * width;
  const d = good
    .map(([t_us, value], i) => `${i ? 'L' : 'M'}${x(t_us).toFixed(1)} ${y(value).toFixed(1)}`)
    .join('');
  return { d, usual_y: usual === null ? null : y(usual) };
}
