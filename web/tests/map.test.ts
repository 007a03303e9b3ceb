import { describe, expect, it } from 'vitest';

import { hazardFeatures, routePieces, sensorIcon } from '../src/map/features';
import { place, spread, tiles } from '../src/map/place';
import { readPicture } from '../src/store/picture';
import { sparkPath } from '../src/lib/spark';
import { readSite } from '../src/lib/site';

const sensor = (more: object) => ({
  id: 's',
  family: 'smoke',
  letter: 'S',
  state: 'on time' as const,
  values: {},
  abnormal: false,
  incident: '',
  ...more,
});

describe('sensors', () => {
  it('are grey, dashed when stale, struck when gone, shaped when abnormal', () => {
    expect(sensorIcon(sensor({}), 'S', undefined)).toBe('sensor|S|normal');
    expect(sensorIcon(sensor({ state: 'stale' }), 'S', undefined)).toBe('sensor|S|stale');
    expect(sensorIcon(sensor({ state: 'gone' }), 'S', undefined)).toBe('sensor|S|gone');
    expect(sensorIcon(sensor({ abnormal: true, state: 'gone' }), 'S', 1)).toBe('sensor|S|p1');
  });
});

it('a route is cut where it changes level, without a hole', () => {
  const route = { path: [[0, 0], [1, 0], [2, 0], [3, 0]] as [number, number][], levels: [-1, -1, 0, 0] }; // prettier-ignore
  expect(routePieces(route as Parameters<typeof routePieces>[0])).toEqual([
    { path: [[0, 0], [1, 0]], level: -1 },
    { path: [[1, 0], [2, 0], [3, 0]], level: 0 },
  ]); // prettier-ignore
});

it('predicted contours get their time at the southern end, what is measured none', () => {
  const ring = [[[0, 0], [1, -1], [1, 1], [0, 0]]]; // prettier-ignore
  const geojson = { type: 'Polygon', coordinates: ring };
  const picture = readPicture({
    hazards: { now: { id: 'now', geojson }, '5min': { id: '5min', level: -1, geojson } },
  });
  const labels = hazardFeatures(picture).features.filter(({ properties }) => properties['label']);
  expect(labels.map(({ geometry, properties }) => [properties['label'], geometry])).toEqual([
    ['+5 min', { type: 'Point', coordinates: [1, -1] }],
  ]);
});

describe('placing', () => {
  const frame = { x: 0, y: 0, w: 400, h: 300 };
  const wish = (id: string, x: number, y: number) => ({ id, x, y, w: 100, h: 20, gap: 14 });

  it('puts chips where they cover nothing and stay inside', () => {
    const [right, edge] = place([wish('a', 100, 100), wish('b', 390, 100)], [], frame);
    expect([right?.side, edge?.side]).toEqual(['right', 'left']);
    const [moved] = place([wish('a', 200, 100)], [{ x: 214, y: 80, w: 100, h: 40 }], frame);
    expect(moved?.side).toBe('left');
  });

  it('pushes exits apart until each can be hit', () => {
    const [a, b] = spread([{ x: 10, y: 10 }, { x: 12, y: 25 }], 25); // prettier-ignore
    expect(Math.abs((a?.y ?? 0) - (b?.y ?? 0))).toBeCloseTo(25);
  });

  it('covers a box with tiles', () => expect(tiles([{ x: 0, y: 0, w: 40, h: 20 }], 20)).toEqual([{ x: 10, y: 10 }, { x: 30, y: 10 }])); // prettier-ignore
});

it('a small chart needs two readings and keeps noise small', () => {
  expect(sparkPath([[0, 1]], 100, 20)).toBeNull();
  expect(sparkPath([[0, 1], [1, Number.NaN]], 100, 20)).toBeNull(); // prettier-ignore
  expect(sparkPath([[0, 0], [10, 10]], 100, 20, 5)).toEqual({ d: 'M0.0 17.0L100.0 3.0', usual_y: 10 }); // prettier-ignore
});

it('a site is read with or without prefixes, names in one language or several', () => {
  const opening = (properties: object) => ({ type: 'Feature' as const, geometry: { type: 'Point' as const, coordinates: [24.9, 60.1] }, properties: properties as Record<string, unknown> }); // prettier-ignore
  const features = [
    opening({ slug: 'exit-a', letter: 'A', name: 'Exit A', level: -1, connects: ['hall', 'street'] }),
    opening({ 's4a:slug': 'exit-b', 's4a:letter': 'B', name: { en: 'Exit B' } }),
    opening({ slug: 'inner-door' }),
  ];
  const site = readSite({ slug: 's', name: 'S', levels: [{ ordinal: -1, name: 'Below' }, { ordinal: 0, name: { en: 'Street' } }], collections: { opening: { type: 'FeatureCollection', features } } }); // prettier-ignore
  expect(site.exits.map(({ properties }) => [properties.slug, properties.name, properties.level])).toEqual([
    ['exit-a', 'Exit A', -1],
    ['exit-b', 'Exit B', null],
  ]);
  expect(site.levels.map(({ name }) => name)).toEqual(['Street', 'Below']);
  expect(site.attribution).toBe('© OpenStreetMap contributors');
});
