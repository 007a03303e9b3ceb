import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

import { ciede2000, contrast, distance, hex, readTokens, VISIONS } from './colour';

const tokens = readTokens();
const rgb = (name: string) => hex(tokens.get(name) ?? 'missing');
const PRIORITIES = ['--p1-critical', '--p2-high', '--p3-medium', '--p4-low'];
const pairs = PRIORITIES.flatMap((a, i) => PRIORITIES.slice(i + 1).map((b): [string, string] => [a, b]));

describe('the arithmetic', () => {
  it.each([
    [[50, 2.6772, -79.7751], [50, 0, -82.7485], 2.0425],
    [[50, -1.3802, -84.2814], [50, 0, -82.7485], 1.0],
    [[50, 2.5, 0], [73, 25, -18], 27.1492],
    [[22.7233, 20.0904, -46.694], [23.0331, 14.973, -42.5619], 2.0373],
    [[2.0776, 0.0795, -1.135], [0.9033, -0.0636, -0.5514], 0.9082],
  ] as [[number, number, number], [number, number, number], number][])(
    'gives the published CIEDE2000 distance of %j and %j',
    (one, two, expected) => expect(ciede2000(one, two)).toBeCloseTo(expected, 3),
  );

  it('gives 21 for white on black', () => expect(contrast([1, 1, 1], [0, 0, 0])).toBeCloseTo(21, 5));
});

describe('contrast', () => {
  const TEXT = [
    '--text-1',
    '--text-2',
    '--text-3',
    '--p1-text',
    '--p2-high',
    '--p3-medium',
    '--p4-low',
    '--route',
  ];
  const PANELS = ['--bg-0', '--bg-1', '--bg-2', '--bg-3'];
  const GROUNDS = [...PANELS, '--map-land', '--map-building', '--map-passage'];

  it.each(TEXT.flatMap((text) => PANELS.map((panel) => [text, panel])))(
    '%s is text on %s: at least 4.5',
    (text, panel) => expect(contrast(rgb(text), rgb(panel))).toBeGreaterThanOrEqual(4.5),
  );

  it.each(
    [...PRIORITIES, '--route', '--control', '--focus'].flatMap((mark) =>
      GROUNDS.map((ground) => [mark, ground]),
    ),
  )('%s is a mark on %s: at least 3', (mark, ground) =>
    expect(contrast(rgb(mark), rgb(ground))).toBeGreaterThanOrEqual(2.95),
  );

  it.each([...PRIORITIES, '--route', '--text-1', '--mode-replay', '--mode-whatif', '--mode-exercise'])(
    'ink on %s: at least 4.5',
    (fill) => expect(contrast(rgb('--ink'), rgb(fill))).toBeGreaterThanOrEqual(4.5),
  );
});

describe.each(VISIONS)('colours for %s vision', (vision) => {
  it.each(pairs)('%s and %s are at least 15 apart', (a, b) =>
    expect(distance(vision, rgb(a), rgb(b))).toBeGreaterThanOrEqual(15),
  );

  it.each(PRIORITIES)('grey text and %s are at least 15 apart', (priority) =>
    expect(distance(vision, rgb('--text-2'), rgb(priority))).toBeGreaterThanOrEqual(15),
  );
});

it('finds the distances of the design page', () => {
  expect(distance('normal', rgb('--p2-high'), rgb('--p3-medium'))).toBeCloseTo(23.4, 0);
  expect(distance('deutan', rgb('--p2-high'), rgb('--p3-medium'))).toBeCloseTo(17.0, 0);
});

it('names colours in tokens.css and nowhere else', () => {
  const root = fileURLToPath(new URL('../src', import.meta.url));
  const guilty = readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter(
      (name) =>
        /\.(css|svelte|ts)$/.test(name) && !name.endsWith('tokens.css') && !name.includes('.generated.'),
    )
    .filter((name) => /#[0-9a-f]{6}\b|rgba?\(|hsla?\(/i.test(readFileSync(join(root, name), 'utf8')));
  expect(guilty).toEqual([]);
});
