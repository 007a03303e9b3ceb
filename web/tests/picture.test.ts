import { describe, expect, it } from 'vitest';

import {
  applyChanges,
  emptyLive,
  emptyPicture,
  receive,
  resumeQuery,
  type Frame,
  type Live,
} from '../src/store/picture';

const snapshot = (seq: number, epoch = 'e1'): Frame => ({
  type: 'snapshot',
  epoch,
  seq,
  t_us: 1_000,
  picture: { alerts: { a1: { id: 'a1', title: 'Fire', level: 'critical', state: 'new' } } },
});
const delta = (seq: number, title: string, epoch = 'e1'): Frame => ({
  type: 'delta',
  epoch,
  seq,
  t_us: 1_000 + seq,
  changes: [{ in: 'alerts', id: 'a1', value: { id: 'a1', title, level: 'critical', state: 'new' } }],
});
const begun = (): Live => receive(emptyLive(), snapshot(7))[0];

describe('receive', () => {
  it('starts from a snapshot', () => {
    const live = begun();
    expect([live.epoch, live.seq, live.picture.alerts.get('a1')?.title]).toEqual(['e1', 7, 'Fire']);
  });

  it('puts back what the platform left out', () => {
    expect(begun().picture.alerts.get('a1')).toMatchObject({ mode: 'live', why: [], owner: '', people: 0 });
  });

  it('applies the next number and nothing twice', () => {
    const [live, first] = receive(begun(), delta(8, 'Fire, hall'));
    expect([first, live.seq, live.picture.alerts.get('a1')?.title]).toEqual(['applied', 8, 'Fire, hall']);
    expect(receive(live, delta(8, 'again'))).toEqual([live, 'ignored']);
  });

  it('does not jump over a gap unless it is told to', () => {
    const live = begun();
    expect(receive(live, delta(10, 'later'))).toEqual([live, 'gap']);
    expect(receive(live, delta(10, 'later'), true)[0].seq).toBe(10);
  });

  it('takes no delta of another life of the server', () => {
    const live = begun();
    expect(receive(live, delta(8, 'stranger', 'e2'))).toEqual([live, 'stranger']);
  });

  it('lets a snapshot of another life replace everything, even with a lower number', () => {
    const [live] = receive(begun(), { ...snapshot(2, 'e2'), picture: {} } as Frame);
    expect([live.epoch, live.seq, live.picture.alerts.size]).toEqual(['e2', 2, 0]);
  });

  it('moves the clock with ticks and never back', () => {
    const [ahead] = receive(begun(), { type: 'tick', seq: 7, t_us: 9_000 });
    expect(receive(ahead, { type: 'tick', seq: 7, t_us: 5_000 })[0].t_us).toBe(9_000);
  });
});

describe('applyChanges', () => {
  it('removes on null, skips what it does not know, keeps what did not change', () => {
    const before = begun().picture;
    const after = applyChanges(before, [
      { in: 'alerts', id: 'a1', value: null },
      { in: 'weather-forecast', id: 'x', value: {} },
    ]);
    expect(after.alerts.size).toBe(0);
    expect(after.sensors).toBe(before.sensors);
    expect(before.alerts.size).toBe(1);
  });

  it('keeps the last 300 detections', () => {
    const changes = Array.from({ length: 320 }, (_, n) => ({
      in: 'detections',
      id: `d${n}`,
      value: { id: `d${n}` },
    }));
    const { detections } = applyChanges(emptyPicture(), changes);
    expect([detections.size, detections.has('d19'), detections.has('d20')]).toEqual([300, false, true]);
  });
});

describe('resumeQuery', () => {
  it('asks for all at first, then for what follows', () => {
    expect(resumeQuery(emptyLive())).toBe('');
    expect(resumeQuery(begun())).toBe('?epoch=e1&after=7');
  });
});
