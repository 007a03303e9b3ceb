import { describe, expect, it } from 'vitest';

import { bestOf, heightAt, minutesOf, outlinePath, project, stairPath, whenOf } from '../src/lib/options';

describe('side by side', () => {
  it('the best of a row is marked, unless all are the same', () => {
    expect(bestOf([3, null, 1, 1], true)).toEqual([false, false, true, true]);
    expect(bestOf([3, 2, 1], false)).toEqual([true, false, false]);
    expect(bestOf([2, 2, null], true)).toEqual([false, false, false]);
    expect(bestOf([null, null], true)).toEqual([false, false]);
  });
});

describe('a staircase', () => {
  const curve = [
    [0, 100],
    [60, 40],
    [120, 0],
  ] as const;

  it('holds each height until the next step', () => {
    expect([heightAt(curve, 0), heightAt(curve, 59), heightAt(curve, 60), heightAt(curve, 500)]).toEqual([
      100, 100, 40, 0,
    ]);
    expect(heightAt([[10, 5]], 3)).toBe(0);
  });

  it('is drawn from left to right and cut at the edge', () => {
    expect(stairPath(curve, 100, 50, 120, 100)).toBe('M0.0 0.0H50.0V30.0H100.0V50.0H100.0');
    expect(stairPath(curve, 100, 50, 100, 100)).toBe('M0.0 0.0H60.0V30.0H100.0');
    expect(stairPath([], 100, 50, 60, 1)).toBe('');
  });
});

describe('a hazard over time', () => {
  it('says in its id when it holds', () =>
    expect(['smoke/now', 'now', '5min', 'smoke/10min'].map((id) => minutesOf({ id }))).toEqual([
      0, 0, 5, 10,
    ]));

  it('holds until the next outline has come', () => {
    expect(whenOf([0, 5, 10], 0)).toEqual(['holds', 'ahead', 'ahead']);
    expect(whenOf([0, 5, 10], 7)).toEqual(['past', 'holds', 'ahead']);
    expect(whenOf([0, 5, 10], 10)).toEqual(['past', 'past', 'holds']);
  });
});

describe('the drawing', () => {
  const drawn = project([[24, 60], [24.02, 60.01]], 224); // prettier-ignore

  it('is as wide as asked, north up, and true to shape', () => {
    expect(drawn.at([24, 60.01])).toEqual([12, 12]);
    const [x, y] = drawn.at([24.02, 60]);
    expect(x).toBeCloseTo(212);
    expect(y).toBeCloseTo(12 + 100 / Math.cos((60.005 * Math.PI) / 180), 0);
    expect(drawn.h).toBeCloseTo(y + 12);
  });

  it('closes polygons and leaves lines open', () => {
    const at = ([x, y]: [number, number]): [number, number] => [x, y];
    expect(outlinePath({ type: 'Polygon', coordinates: [[[0, 0], [1, 0], [0, 0]]] }, at)).toBe('M0.0 0.0L1.0 0.0L0.0 0.0Z'); // prettier-ignore
    expect(outlinePath({ type: 'LineString', coordinates: [[0, 0], [1, 0]] }, at)).toBe('M0.0 0.0L1.0 0.0'); // prettier-ignore
  });
});
