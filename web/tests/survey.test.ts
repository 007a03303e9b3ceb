import { describe, expect, it } from 'vitest';

import type { ContextEntry } from '../src/domain/records';
import { answersOf, byArea, surveysOf, takenBy } from '../src/lib/survey';

const entry = (id: string, zones: string[], more: Record<string, unknown> = {}): ContextEntry => ({
  id,
  type: 'survey',
  name: '',
  zones,
  reason: '',
  source: '',
  t_from_us: 0,
  t_until_us: 0,
  version: 1,
  stated_by: 'supervisor',
  t_us: 0,
  ...more,
});

describe('surveys', () => {
  it('are the entries of that type, by id', () =>
    expect(surveysOf([entry('b', []), entry('x', [], { type: 'event' }), entry('a', [])]).map(({ id }) => id)).toEqual([
      'a',
      'b',
    ])); // prettier-ignore

  it('claim their zones for themselves alone', () => {
    const both = [entry('a', ['hall', 'stairs']), entry('b', ['square'])];
    expect([...takenBy(both, 'a')]).toEqual([['square', 'b']]);
    expect(takenBy(both, '').get('hall')).toBe('a');
  });

  it('keep only answers from 0 to 4', () =>
    expect(
      answersOf(entry('a', [], { answers: { good: 4, none: 0, odd: 7, half: 1.5, word: 'x' } })),
    ).toEqual({
      good: 4,
      none: 0,
    }));
});

it('questions stand by area in the order of the checklist', () => {
  const said = { one: { area: 'access', text: 'A?' }, two: { area: 'seeing', text: 'B?' }, three: { area: 'access', text: 'C?' } }; // prettier-ignore
  expect(byArea(said)).toEqual([
    ['access', [{ key: 'one', text: 'A?' }, { key: 'three', text: 'C?' }]],
    ['seeing', [{ key: 'two', text: 'B?' }]],
  ]); // prettier-ignore
});
