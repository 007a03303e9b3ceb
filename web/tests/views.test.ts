import { describe, expect, it } from 'vitest';

import { bannerOf, type Situation } from '../src/store/banners';
import { emptyPicture, readPicture, type Picture } from '../src/store/picture';
import { detectionTicks, forecastLabels, forecastOf, incidentBars } from '../src/store/timeline';
import {
  alertsByLevel,
  commandsOf,
  courseOf,
  exitRows,
  overview,
  queueRows,
  sortedTerms,
} from '../src/store/views';

const S = 1e6;
const alert = (id: string, level: string, at_s: number, more: object = {}) => ({
  id,
  version: 1,
  level,
  state: 'new',
  incident_id: `i-${id}`,
  t_annunciated_us: at_s * S,
  t_us: at_s * S,
  title: `${id}, hall`,
  ...more,
});
const incident = (id: string, more: object = {}) => ({ id, status: 'confirmed', terms: [], ...more });

function picture(parts: Record<string, { id: string }[]>): Picture {
  const tables = Object.entries(parts).map(([name, rows]) => [
    name,
    Object.fromEntries(rows.map((row) => [row.id, row])),
  ]);
  return readPicture(Object.fromEntries(tables));
}

describe('the queue', () => {
  it('puts the most urgent first and hides the closed', () => {
    const seen = picture({
      alerts: [
        alert('low', 'low', 9),
        alert('old', 'high', 1),
        alert('new', 'high', 5),
        alert('gone', 'critical', 2, { state: 'closed' }),
      ],
    });
    expect(queueRows(seen).map(({ alert: { id } }) => id)).toEqual(['new', 'old', 'low']);
  });

  it('joins the rows of linked incidents, whichever names the other', () => {
    const seen = picture({
      alerts: [alert('fire', 'critical', 9), alert('other', 'high', 8), alert('cyber', 'medium', 1)],
      incidents: [
        incident('i-fire'),
        incident('i-cyber', { links: [{ incident: 'i-fire', reason: 'same exit' }] }),
      ],
    });
    expect(queueRows(seen).map((row) => [row.alert.id, row.joined])).toEqual([
      ['fire', true],
      ['cyber', false],
      ['other', false],
    ]);
  });

  it('sorts shapes to their levels', () => {
    const seen = picture({
      alerts: [alert('fire', 'critical', 9)],
      incidents: [incident('i-fire', { place: { level: -1 } })],
    });
    expect(alertsByLevel(seen).get(-1)?.[0]?.id).toBe('fire');
  });
});

it('exits: doubtful before unusable before usable; alike ones share a row; unknown counts stay unknown', () => {
  const exit = (letter: string, state: string, reason: string, out_per_min: number | null) => ({
    id: letter,
    letter,
    state,
    reason,
    out_per_min,
  });
  const rows = exitRows(
    picture({
      exits: [
        exit('A', 'usable', '', 5),
        exit('B', 'usable', '', 7),
        exit('M', 'unusable', 'jam', null),
        exit('J', 'doubtful', 'tampered', 0),
      ],
    }),
  );
  expect(rows.map((row) => [row.exits.map(({ letter }) => letter).join(''), row.out_per_min])).toEqual([
    ['J', 0],
    ['M', null],
    ['AB', 12],
  ]);
});

describe('the option', () => {
  const courses = [
    { id: 'c1', t_us: 1, incident_id: 'i', clearance_s: { p50: 100, p95: 200, runs: 50 }, routes: [] },
    {
      id: 'c2',
      t_us: 2,
      incident_id: 'i',
      supersedes: 'c1',
      clearance_s: { p50: 120, p95: null, runs: 50 },
      routes: [],
    },
  ];

  it('in force is the one that no other replaces', () =>
    expect(courseOf(picture({ courses }), 'i')?.id).toBe('c2'));

  it('is forecast from the order on once it is ordered', () => {
    const seen = picture({
      courses,
      orders: [{ id: 'o', t_us: 10 * S, incident_id: 'i', course_of_action_id: 'c1' } as { id: string }],
    });
    expect(forecastOf(seen, 'i', 60 * S)).toMatchObject({ from_us: 10 * S, p50_us: 110 * S, ordered: true });
    expect(forecastOf(picture({ courses }), 'i', 60 * S)).toMatchObject({ p50_us: 180 * S, p95_us: null });
  });

  it('shows signs that do not answer first', () => {
    const command = (id: string, state: string) => ({ id, order_id: 'o', device: id, state });
    const seen = picture({
      commands: [command('a', 'acknowledged'), command('b', 'sent'), command('c', 'no_answer')],
    });
    expect(commandsOf(seen, 'o').map(({ id }) => id)).toEqual(['c', 'b', 'a']);
  });
});

it('reasons: what the site alone would say first, then by size', () => {
  const seen = picture({
    incidents: [
      incident('i', {
        terms: [
          { name: 'heat', llr: 1, group: 'h', sensors: ['h'] },
          { name: 'no water', llr: -3, group: 'w', sensors: ['w'] },
          { name: 'usual', llr: -6 },
        ],
      }),
    ],
  });
  const only = seen.incidents.get('i');
  expect(only && sortedTerms(only).map(({ name }) => name)).toEqual(['usual', 'no water', 'heat']);
});

it('the overview says unknown where nothing is known', () => {
  expect(overview(emptyPicture())).toEqual({ people: null, risk: undefined, exits_usable: 0, exits: 0 });
});

it('the timeline: a bar from first evidence on, strokes in the colour of their alert', () => {
  const seen = picture({
    alerts: [alert('fire', 'critical', 100)],
    incidents: [
      incident('i-fire', {
        t_first_evidence_us: 90 * S,
        terms: [{ name: 'smoke', llr: 2, detections: ['d1'] }],
      }),
    ],
    detections: [{ id: 'd1', t_us: 95 * S } as { id: string }, { id: 'd2', t_us: 96 * S } as { id: string }],
  });
  expect(incidentBars(seen, 120 * S)[0]).toMatchObject({ from_us: 90 * S, to_us: 120 * S, priority: 1 });
  expect(detectionTicks(seen, 120 * S).map(({ priority }) => priority)).toEqual([1, null]);
});

describe('the words of the forecast', () => {
  const words = { clear: 'All clear P50 4:50', p50: 'P50 4:50', p95: 'P95 6:20, 200 runs' };
  it('stand in and behind the bars where there is room', () =>
    expect(forecastLabels(1000, { from: 0.5, p50: 0.66, p95: 0.71 }, words)).toEqual({
      inside: words.clear,
      beside: words.p95,
      left_px: 710,
    }));
  it('grow shorter in a short bar, and move out of it', () => {
    expect(forecastLabels(560, { from: 0.5, p50: 0.66, p95: 0.71 }, words).inside).toBe(words.p50);
    const tight = forecastLabels(560, { from: 0.5, p50: 0.55, p95: 0.6 }, words);
    expect([tight.inside, tight.beside]).toEqual(['', 'P50 4:50, P95 6:20, 200 runs']);
  });
  it('are never cut at the right edge', () => {
    expect(forecastLabels(560, { from: 0.5, p50: 0.8, p95: 0.9 }, words).left_px).toBeNull();
    const open = forecastLabels(560, { from: 0.5, p50: 0.51, p95: 0.51 }, { ...words, p95: '' });
    expect(open.beside).toBe('P50 4:50');
  });
});

describe('banners', () => {
  const now_ms = 1_000_000;
  const calm: Situation = {
    picture: emptyPicture(),
    who: { name: 'operator 1', role: 'operator' },
    connected: true,
    loaded: true,
    t_lost_ms: 0,
    t_frame_ms: now_ms,
    now_ms,
    now_us: now_ms * 1000,
  };
  const sensors = (states: string[]) =>
    picture({ sensors: states.map((state, n) => ({ id: `s${n}`, state })) });

  it('none when all is well', () => expect(bannerOf(calm)).toBeNull());
  it('stale after more than 3 s', () => {
    expect(bannerOf({ ...calm, t_frame_ms: now_ms - 3000 })).toBeNull();
    expect(bannerOf({ ...calm, t_frame_ms: now_ms - 6000 })).toEqual({ kind: 'stale', age_s: 6 });
  });
  it('a lost connection beats all, after a moment of grace', () => {
    const lost = { ...calm, connected: false, t_frame_ms: now_ms - 9000, picture: sensors(['gone']) };
    expect(bannerOf({ ...lost, t_lost_ms: now_ms - 5000 })?.kind).toBe('disconnected');
    expect(bannerOf({ ...lost, t_frame_ms: now_ms - 500, t_lost_ms: now_ms - 500 })?.kind).toBe(
      'sensor-loss',
    );
  });
  it('a tenth of the sensors silent', () => {
    const well = Array.from({ length: 10 }, () => 'on time');
    expect(bannerOf({ ...calm, picture: sensors([...well, 'gone']) })).toBeNull();
    expect(bannerOf({ ...calm, picture: sensors([...well, 'gone', 'stale']) })).toEqual({
      kind: 'sensor-loss',
      lost: 2,
      total: 12,
    });
  });
  it('a flood', () => {
    const alerts = Array.from({ length: 11 }, (_, n) => alert(`a${n}`, 'low', now_ms / 1000 - 60));
    expect(bannerOf({ ...calm, picture: picture({ alerts }) })).toEqual({ kind: 'flood', count: 11 });
  });
});
