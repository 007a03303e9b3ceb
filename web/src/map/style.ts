// The map's look, bottom to top. Every layer comes from the site's own GeoJSON; nothing is fetched.
import type {
  ExpressionSpecification,
  LayerSpecification,
  SourceSpecification,
  StyleSpecification,
} from 'maplibre-gl';

import type { Colour } from './colours';
import type { Site } from '../lib/site';
import { collection, type Features } from './features';
import { hazard, jams, keptClear, routes, sensors } from './overlays';

const M_PER_PX_Z0 = 78271.517; // at the equator, tiles of 512 px
const OTHER_LEVEL = 0.35;
const DENSE_P_M2 = 3.5;
const FONT = ['Inter Variable'];
const FONT_BOLD = ['Inter Variable SemiBold', 'Inter Variable'];
const kind = ['get', 'category'] as unknown as ExpressionSpecification;

/** Width of a line in true metres: doubles with each zoom. */
export function metres(lat: number, factor = 1, extra_px = 0): ExpressionSpecification {
  const at = (zoom: number) => [
    '+',
    extra_px,
    ['*', ['get', 'width_m'], (factor * 2 ** zoom) / (M_PER_PX_Z0 * Math.cos((lat * Math.PI) / 180))],
  ];
  return [
    'interpolate',
    ['exponential', 2],
    ['zoom'],
    12,
    at(12),
    22,
    at(22),
  ] as unknown as ExpressionSpecification;
}

/** Sharp on the level shown, faint on others; things without a level are always sharp. */
export function onLevel(level: number, full = 1): ExpressionSpecification {
  const here = [
    'any',
    ['!', ['has', 'level']],
    ['==', ['get', 'level'], null],
    ['==', ['get', 'level'], level],
  ];
  return ['case', here, full, full * OTHER_LEVEL] as unknown as ExpressionSpecification;
}

const geojson = (data: Features, extra: object = {}): SourceSpecification => ({
  type: 'geojson',
  data,
  ...extra,
});

function sources(site: Site): Record<string, SourceSpecification> {
  const empty = collection([]);
  return {
    background: geojson(collection(site.background)),
    streets: geojson(collection(site.streets)),
    footprint: geojson(collection(site.footprint)),
    units: geojson(empty),
    sensors: geojson(empty, { cluster: true, clusterMaxZoom: 15, clusterRadius: 40 }),
    odd: geojson(empty),
    hazard: geojson(empty),
    routes: geojson(empty),
    jams: geojson(empty),
    clear: geojson(empty),
  };
}

function ground(c: Colour): LayerSpecification[] {
  const fill = (id: string, kinds: string[], token: string): LayerSpecification => ({
    id,
    type: 'fill',
    source: 'background',
    filter: ['all', ['==', ['geometry-type'], 'Polygon'], ['in', kind, ['literal', kinds]]],
    paint: { 'fill-color': c(token) },
  });
  return [
    { id: 'land', type: 'background', paint: { 'background-color': c('--map-land') } },
    fill('squares', ['square', 'plaza', 'pedestrian'], '--map-square'),
    fill('parks', ['park', 'grass', 'garden', 'green', 'forest'], '--map-park'),
    fill('waters', ['water'], '--map-water'),
    fill('platforms', ['platform'], '--map-platform'),
  ];
}

function streets(c: Colour, lat: number): LayerSpecification[] {
  const colour = ['case', ['==', kind, 'carriageway'], c('--map-main'), c('--map-service')];
  const layout = { 'line-cap': 'round', 'line-join': 'round' } as const;
  return [
    {
      id: 'street-casing',
      type: 'line',
      source: 'streets',
      layout,
      paint: { 'line-color': c('--map-casing'), 'line-width': metres(lat, 1, 2) },
    },
    {
      id: 'street',
      type: 'line',
      source: 'streets',
      layout,
      paint: { 'line-color': colour as unknown as ExpressionSpecification, 'line-width': metres(lat) },
    },
    {
      id: 'rail',
      type: 'line',
      source: 'background',
      filter: ['all', ['!=', ['geometry-type'], 'Polygon'], ['in', kind, ['literal', ['rail', 'tram', 'subway', 'light_rail']]]], // prettier-ignore
      paint: { 'line-color': c('--map-rail'), 'line-width': 1.5 },
    },
  ];
}

function buildings(c: Colour): LayerSpecification[] {
  const pair = (
    id: string,
    source: string,
    fill: string,
    edge: string,
    only: string,
  ): LayerSpecification[] => {
    const filter: ExpressionSpecification = only ? ['==', kind, only] : ['literal', true];
    return [
      { id, type: 'fill', source, filter, paint: { 'fill-color': c(fill) } },
      { id: `${id}-edge`, type: 'line', source, filter, paint: { 'line-color': c(edge), 'line-width': 1 } },
    ];
  };
  return [
    ...pair('blocks', 'background', '--map-building', '--map-building-edge', 'building'),
    ...pair('venue', 'footprint', '--map-venue', '--map-venue-edge', ''),
  ];
}

function passages(c: Colour, level: number): LayerSpecification[] {
  const filter: ExpressionSpecification = ['==', kind, 'passage'];
  const opacity = onLevel(level, 0.6);
  return [
    {
      id: 'passage',
      type: 'fill',
      source: 'background',
      filter,
      paint: { 'fill-color': c('--map-passage'), 'fill-opacity': opacity },
    },
  ];
}

function units(c: Colour, level: number): LayerSpecification[] {
  const density = ['get', 'density'];
  const edge = (id: string, synthetic: boolean, paint: object): LayerSpecification => ({
    id,
    type: 'line',
    source: 'units',
    filter: ['==', ['get', 'synthetic'], synthetic],
    paint: { 'line-width': 1.2, 'line-opacity': onLevel(level), ...paint },
  });
  return [
    {
      id: 'unit',
      type: 'fill',
      source: 'units',
      paint: { 'fill-color': c('--map-passage'), 'fill-opacity': onLevel(level) },
    },
    {
      id: 'crowd',
      type: 'fill',
      source: 'units',
      filter: ['>', density, 0] as unknown as ExpressionSpecification,
      paint: { 'fill-color': c('--map-crowd'), 'fill-opacity': crowd(level) },
    },
    edge('unit-edge', false, { 'line-color': c('--map-passage-edge') }),
    edge('unit-drawn', true, { 'line-color': c('--control'), 'line-dasharray': [4, 3] }),
    {
      id: 'unit-dense',
      type: 'line',
      source: 'units',
      filter: ['>', density, DENSE_P_M2] as unknown as ExpressionSpecification,
      paint: { 'line-color': c('--p2-high'), 'line-width': 2, 'line-opacity': onLevel(level) },
    },
  ];
}

/** White at 8 % and 17 % more for each person per square metre, at most 62 %. */
export function crowd(level: number): ExpressionSpecification {
  const share = ['min', 0.62, ['+', 0.08, ['*', 0.17, ['get', 'density']]]];
  return [
    '*',
    share,
    ['case', ['==', ['get', 'level'], level], 0.8, 0.1],
  ] as unknown as ExpressionSpecification;
}

function labels(c: Colour, level: number): LayerSpecification[] {
  const halo = { 'text-halo-color': c('--map-casing'), 'text-halo-width': 2 };
  return [
    {
      id: 'sensor-counts',
      type: 'symbol',
      source: 'sensors',
      filter: ['has', 'point_count'],
      layout: { 'text-field': ['get', 'point_count_abbreviated'], 'text-font': FONT, 'text-size': 12 },
      paint: { 'text-color': c('--text-2'), ...halo },
    },
    {
      id: 'venue-name',
      type: 'symbol',
      source: 'footprint',
      layout: {
        'text-field': ['get', 'name'],
        'text-font': FONT_BOLD,
        'text-size': 13,
        'text-max-width': 12,
      },
      paint: { 'text-color': c('--text-1'), ...halo },
    },
    {
      id: 'building-names',
      type: 'symbol',
      source: 'background',
      filter: ['==', kind, 'building'],
      layout: { 'text-field': ['get', 'name'], 'text-font': FONT, 'text-size': 12, 'text-max-width': 8 },
      paint: { 'text-color': c('--map-label'), ...halo },
    },
    {
      id: 'street-names',
      type: 'symbol',
      source: 'streets',
      layout: {
        'symbol-placement': 'line',
        'symbol-spacing': 420,
        'text-field': ['get', 'name'],
        'text-font': FONT,
        'text-size': 12,
        'text-letter-spacing': 0.02,
      },
      paint: { 'text-color': c('--map-label'), ...halo },
    },
    {
      id: 'unit-names',
      type: 'symbol',
      source: 'units',
      filter: ['==', ['get', 'level'], level],
      layout: {
        'text-field': ['get', 'label'],
        'text-font': FONT_BOLD,
        'text-size': 12,
        'text-max-width': 9,
      },
      paint: { 'text-color': c('--text-1'), ...halo },
    },
    {
      id: 'hazard-times',
      type: 'symbol',
      source: 'hazard',
      filter: ['has', 'label'],
      layout: {
        'text-field': ['get', 'label'],
        'text-font': FONT_BOLD,
        'text-size': 12,
        'text-variable-anchor': ['top', 'top-left', 'top-right', 'left', 'right', 'bottom'],
        'text-radial-offset': 0.5,
      },
      paint: { 'text-color': c('--text-1'), ...halo },
    },
  ];
}

export function mapStyle(site: Site, c: Colour, level: number): StyleSpecification {
  const lat = (site.bounds[0][1] + site.bounds[1][1]) / 2;
  return {
    version: 8,
    sources: sources(site),
    layers: [
      ...ground(c),
      ...streets(c, lat),
      ...buildings(c),
      ...passages(c, level),
      ...units(c, level),
      ...hazard(c),
      ...jams(c),
      ...routes(c),
      ...sensors(),
      ...labels(c, level),
      keptClear(),
    ],
  };
}
