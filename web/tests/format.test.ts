import { beforeAll, describe, expect, it } from 'vitest';

import {
  addUp, age, clockTime, decimal, duration, integer, levelName, LINE_MOST, odds, percent, reading, setTimezone, signed,
  splitDeadline, splitTerm, wrapLine,
} from '../src/lib/format'; // prettier-ignore

const T_US = Date.UTC(2026, 10, 19, 15, 41, 2) * 1000;

beforeAll(() => setTimezone('Europe/Helsinki'));

describe('times', () => {
  it('are those of the site', () => expect(clockTime(T_US)).toBe('17:41:02'));
  it.each([
    [0, '0:00'],
    [48, '0:48'],
    [750, '12:30'],
    [7500, '2 h 05'],
    [-3, '0:00'],
  ])('%d s is %s', (seconds, text) => expect(duration(seconds)).toBe(text));
  it('age counts from then to now', () => expect(age(T_US, T_US + 48e6)).toBe('0:48'));
});

describe('figures', () => {
  it('unknown is said, never shown as 0', () =>
    expect([integer(null), decimal(undefined), integer(Number.NaN)]).toEqual([
      'unknown',
      'unknown',
      'unknown',
    ]));
  it.each([
    [0.97, '97 %'],
    [0.9999, '99 %'],
    [0.001, '1 %'],
    [0, '0 %'],
  ])('%d is %s sure', (probability, text) => expect(percent(probability)).toBe(text));
  it('signs are true minus signs', () =>
    expect([signed(-6.2), signed(4.6), levelName(-1)]).toEqual(['−6.2', '+4.6', '−1']));
  it('nats read as odds', () =>
    expect([odds(3.5), odds(-2.3), odds(0)]).toEqual(['33 to 1', '1 to 10', '1 to 1']));
  it('readings have units and as many digits as help', () =>
    expect([reading(92.3, 'ppm'), reading(0.21, '%/m'), reading(184, '')]).toEqual([
      '92.3 ppm',
      '0.21 %/m',
      '184',
    ]));
});

describe('the three lines', () => {
  it.each([
    ['Order evacuation before 17:43: smoke reaches exit R in 2 min.', 'before 17:43'],
    ['Send a guard within 3 min; keep 50 m clear if confirmed.', 'within 3 min'],
    ['Keep J out of all routes; a guard checks by 17:40.', 'by 17:40'],
    ['97 % sure: smoke, CO and heat rise together.', ''],
  ])('finds the limit in "%s"', (line, limit) => {
    const [before, found, after] = splitDeadline(line);
    expect(found).toBe(limit);
    expect(before + found + after).toBe(line);
  });

  it('wraps at 62 characters between words and loses nothing', () => {
    const long =
      'Order the evacuation of the ticket hall and both passages before 17:43, because smoke reaches exit R';
    const lines = wrapLine(long);
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(LINE_MOST);
    expect(lines.join(' ')).toBe(long);
  });
});

describe('names of terms', () => {
  it.each([
    ['Smoke: S-21 (S-21 counts 73 %: gaps; S-22 (old))', 'Smoke: S-21', 'S-21 counts 73 %: gaps; S-22 (old)'],
    ['Usual rate of fires here', 'Usual rate of fires here', ''],
    ['Counter (P-04) silent', 'Counter (P-04) silent', ''],
  ])('%s', (whole, name, doubt) => expect(splitTerm(whole)).toEqual([name, doubt]));
});

describe('figures that add up', () => {
  it.each([
    [[0.14, 0.14, 0.14], 0.4],
    [[-6, 4.66, 3.04, 2.97], 4.7],
    [[1.25, -0.55, 0.05], 0.8],
    [[], 0],
  ])('%j shows %d', (values, sum) => {
    const shown = addUp(values);
    expect(Number(shown.reduce((a, b) => a + b, 0).toFixed(6))).toBeCloseTo(sum, 6);
    for (const [index, value] of values.entries())
      expect(Math.abs((shown[index] ?? 0) - value)).toBeLessThan(0.1001);
  });
});
