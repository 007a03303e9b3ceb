// The layers that come and go with what happens: hazard, jams, routes, sensors.
import type { ExpressionSpecification, LayerSpecification } from 'maplibre-gl';

import type { Colour } from './colours';

export function hazard(c: Colour): LayerSpecification[] {
  const red = c('--p1-critical');
  const edge = (when: string, dash: number[] | null, width: number): LayerSpecification => ({
    id: `hazard-${when}`,
    type: 'line',
    source: 'hazard',
    filter: ['all', ['==', ['get', 'when'], when], ['!', ['has', 'label']]],
    paint: { 'line-color': red, 'line-width': width, ...(dash && { 'line-dasharray': dash }) },
  });
  const now: ExpressionSpecification = ['all', ['==', ['get', 'when'], 'now'], ['!', ['has', 'label']]];
  return [
    {
      id: 'hazard-tint',
      type: 'fill',
      source: 'hazard',
      filter: now,
      paint: { 'fill-color': red, 'fill-opacity': 0.16 },
    },
    { id: 'hazard-hatch', type: 'fill', source: 'hazard', filter: now, paint: { 'fill-pattern': 'hatch' } },
    edge('10min', [0.8, 2.6], 1.8),
    edge('5min', [3.5, 2.5], 2),
    edge('now', null, 2.2),
  ];
}

export function routes(c: Colour): LayerSpecification[] {
  const lines: ExpressionSpecification = ['==', ['geometry-type'], 'LineString'];
  const opacity: ExpressionSpecification = ['case', ['get', 'inside'], 1, 0.62];
  const layout = { 'line-cap': 'round', 'line-join': 'round' } as const;
  const width = ['get', 'width'] as unknown as ExpressionSpecification;
  return [
    {
      id: 'route-casing',
      type: 'line',
      source: 'routes',
      filter: lines,
      layout,
      paint: {
        'line-color': c('--ink'),
        'line-width': ['+', width, 4] as unknown as ExpressionSpecification,
      },
    },
    {
      id: 'route',
      type: 'line',
      source: 'routes',
      filter: lines,
      layout,
      paint: { 'line-color': c('--route'), 'line-width': width, 'line-opacity': opacity },
    },
    {
      id: 'route-chevrons',
      type: 'symbol',
      source: 'routes',
      filter: lines,
      layout: {
        'symbol-placement': 'line',
        'symbol-spacing': 20,
        'icon-image': 'chevron',
        'icon-allow-overlap': true,
        'icon-ignore-placement': true,
      },
    },
    {
      id: 'route-head',
      type: 'symbol',
      source: 'routes',
      filter: ['==', ['geometry-type'], 'Point'],
      layout: {
        'icon-image': 'arrow',
        'icon-rotate': ['get', 'turn'],
        'icon-rotation-alignment': 'map',
        'icon-allow-overlap': true,
      },
    },
  ];
}

export function sensors(): LayerSpecification[] {
  const icon = (id: string, source: string, filter: unknown, size: number): LayerSpecification => ({
    id,
    type: 'symbol',
    source,
    ...(filter ? { filter: filter as ExpressionSpecification } : {}),
    layout: {
      'icon-image': ['get', 'icon'],
      'icon-size': size,
      'icon-allow-overlap': true,
      'icon-ignore-placement': true,
      'symbol-sort-key': ['get', 'rank'],
    },
  });
  return [icon('sensors', 'sensors', ['!', ['has', 'point_count']], 1), icon('sensors-odd', 'odd', null, 1)];
}

export function jams(c: Colour): LayerSpecification[] {
  return [
    {
      id: 'jam',
      type: 'line',
      source: 'jams',
      layout: { 'line-cap': 'round' },
      paint: { 'line-color': c('--p2-high'), 'line-width': 4, 'line-dasharray': [0, 2] },
    },
  ];
}

/** Nothing to see: it only takes room, so that labels below give way to what stands above the map. */
export function keptClear(): LayerSpecification {
  return {
    id: 'clear',
    type: 'symbol',
    source: 'clear',
    layout: { 'icon-image': 'clear', 'icon-allow-overlap': true, 'icon-padding': 0 },
  };
}
