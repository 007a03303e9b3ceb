import { describe, expect, it } from 'vitest';

// @ts-expect-error a plain script without types
import { flatten, generate, load, placeholders, problems, sources, usedKeys } from '../scripts/i18n.mjs';
import { t, tOr } from '../src/i18n';

describe('the catalogues', () => {
  it('are complete and nothing in them is unused', () =>
    expect(problems(load(), usedKeys(sources()))).toEqual([]));

  it('have no signs that the font lacks, and no exclamation marks', () => {
    const english = load().en as [string, string][];
    expect(english.filter(([, text]) => /[✓▲●⏎≤≥!]/.test(text))).toEqual([]);
  });
});

describe('the checks', () => {
  const used = { exact: new Set(['a.b']), families: new Set<string>() };

  it('find a key without text', () =>
    expect(problems({ en: [] }, used)).toEqual(['en.json: no text for "a.b"']));
  it('find a text without use', () =>
    expect(problems({ en: [['a.b', ''], ['c', '']] }, used)).toEqual(['en.json: "c" is used nowhere'])); // prettier-ignore
  it('find a language with a hole', () =>
    expect(problems({ en: [['a.b', 'x']], fi: [] }, used)).toEqual(['fi.json: no text for "a.b"']));
  it('find another placeholder', () =>
    expect(problems({ en: [['a.b', '{n}']], fi: [['a.b', '{m}']] }, used)).toEqual([
      'fi.json: "a.b" has other placeholders than en.json',
    ]));
});

it('types follow placeholders', () => {
  expect(placeholders('{b} of {a}, {b}')).toEqual(['a', 'b']);
  expect(generate({ en: flatten({ x: { y: '{n} left' } }) })).toContain('"x.y": { n: Value };');
});

it('fills in values and says new words plainly', () => {
  expect(t('top.sensors', { on: 3, all: 4 })).toBe('3 of 4 sensors');
  expect([tOr('hypothesis', 'cyber-intrusion'), tOr('hypothesis', 'gas-leak')]).toEqual([
    'cyber intrusion',
    'gas leak',
  ]);
});
