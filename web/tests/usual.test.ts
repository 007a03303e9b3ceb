import { describe, expect, it } from 'vitest';
import type { Judged } from '../src/lib/api';
import { usualChart } from '../src/lib/usual';

const rows: Judged[] = [
  [0, 1, null, null, ''],
  [1e6, 2, 1, 3, ''],
  [2e6, 9, 1, 3, 'beyond all seen before'],
  [3e6, 2, 1, 3, ''],
];

describe('usualChart', () => {
  it('draws all readings, the band where it is known, and a mark where something unusual began', () => {
    const chart = usualChart(rows, 300, 100);
    expect(chart?.line.split('L')).toHaveLength(4);
    expect(chart?.band.split('L')).toHaveLength(6);
    expect(chart?.marks).toEqual([{ x: 200, y: 4, t_us: 2e6, value: 9, why: 'beyond all seen before' }]);
  });

  it('draws no band and no chart where there is nothing to draw', () => {
    expect(usualChart(rows.slice(0, 2), 300, 100)?.band).toBe('');
    expect(usualChart(rows.slice(0, 1), 300, 100)).toBeNull();
    expect(usualChart([], 300, 100)).toBeNull();
  });
});
