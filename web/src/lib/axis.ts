// The time axis under the map: a quarter of an hour back, a quarter of an hour ahead, the present in the middle.
export const BACK_US = 15 * 60e6;
export const AHEAD_US = 15 * 60e6;
const STEP_US = 5 * 60e6;

/** Share of the axis, 0 at its left end to 1; beyond them where it is outside. */
export const share = (t_us: number, now_us: number): number =>
  (t_us - now_us + BACK_US) / (BACK_US + AHEAD_US);

export const clamp = (value: number): number => Math.min(1, Math.max(0, value));

export function ticks(now_us: number): number[] {
  const first = Math.ceil((now_us - BACK_US) / STEP_US) * STEP_US;
  const all: number[] = [];
  for (let t_us = first; t_us <= now_us + AHEAD_US; t_us += STEP_US) all.push(t_us);
  return all;
}
