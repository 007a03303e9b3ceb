import { describe, expect, it } from 'vitest';

import { faults, incoming, size, type PlatformReport } from '../src/lib/status';

const well: PlatformReport = {
  account: { decided: 10, expired: 0 },
  received: { env: 30, door: 5 },
  rejected: [],
  refused_by_broker: {},
  stages: [
    { stage: 'fusion', lag: 0, lag_s: 0, processed: 1, errors: 0, running: true, snapshot_age_s: null },
  ],
  oldest_unprocessed_s: 0.1,
  streams: {},
  history: { rows_waiting: 0, damaged_files: 0 },
  sensors: { by_state: {}, silent: [] },
  disk: { free_bytes: 9e9, size_bytes: 1e10 },
  parts: { bus: true },
};

describe('how the platform does', () => {
  it('gives rates between two answers, and none without a first or after a new start', () => {
    const before = { ...well, received: { env: 10 } };
    expect(incoming(well, before, 2)).toEqual([
      { family: 'env', messages: 30, per_s: 10 },
      { family: 'door', messages: 5, per_s: 2.5 },
    ]);
    expect(incoming(well, null, 2)[0]?.per_s).toBeNull();
    expect(incoming(before, well, 2)[0]?.per_s).toBeNull();
  });

  it('writes sizes with few digits', () => {
    expect([0, 999, 1500, 25_400_000, 1.5e12].map(size)).toEqual([
      '0 B',
      '999 B',
      '1.5 kB',
      '25 MB',
      '1.5 TB',
    ]);
  });

  it('names what is wrong', () => {
    expect(faults(well)).toEqual([]);
    const stages = well.stages.map((stage) => ({ ...stage, running: false }));
    const wrong = {
      ...well,
      parts: { bus: false },
      stages,
      oldest_unprocessed_s: 60,
      account: { expired: 1 },
      disk: { free_bytes: 1, size_bytes: 2 },
    };
    expect(faults(wrong)).toEqual(['part', 'stage', 'wait', 'expired', 'disk']);
  });
});
