// A made-up station for work on the page: drawn in metres east and north of an anchor.
const ANCHOR = [24.9414, 60.1707];
const M_PER_DEG_LAT = 111_320;
const M_PER_DEG_LON = M_PER_DEG_LAT * Math.cos((ANCHOR[1] * Math.PI) / 180);

export const lonLat = ([x, y]) => [ANCHOR[0] + x / M_PER_DEG_LON, ANCHOR[1] + y / M_PER_DEG_LAT];

const feature = (geometry, properties) => ({ type: 'Feature', id: properties.slug, geometry, properties });
const polygon = (ring, properties) =>
  feature({ type: 'Polygon', coordinates: [[...ring, ring[0]].map(lonLat)] }, properties);
const line = (points, properties) =>
  feature({ type: 'LineString', coordinates: points.map(lonLat) }, properties);
const point = (at, properties) => feature({ type: 'Point', coordinates: lonLat(at) }, properties);
const box = (x0, y0, x1, y1) => [[x0, y0], [x1, y0], [x1, y1], [x0, y1]]; // prettier-ignore
const collection = (features) => ({ type: 'FeatureCollection', features });

/** A passage of constant width along a line, as a polygon. */
function strip(points, width_m) {
  const side = (sign) =>
    points.map(([x, y], index) => {
      const [ax, ay] = points[Math.max(0, index - 1)];
      const [bx, by] = points[Math.min(points.length - 1, index + 1)];
      const length = Math.hypot(bx - ax, by - ay);
      const half = (sign * width_m) / 2;
      return [x - ((by - ay) / length) * half, y + ((bx - ax) / length) * half];
    });
  return [...side(1), ...side(-1).reverse()];
}

const unit = (slug, name, level, ring, extra = {}) =>
  polygon(ring, { slug, name, level, category: 'room', ...extra });

const units = [
  unit('ticket-hall', 'Ticket hall', -1, box(-40, -28, 60, 24), { synthetic: true }),
  unit('east-passage', 'East passage', -1, strip([[58, 30], [95, 30], [98, -10], [108, -44]], 8)), // prettier-ignore
  unit('west-passage', 'West passage', -1, strip([[-40, 0], [-90, -6], [-140, -34], [-175, -62]], 9)), // prettier-ignore
  unit('south-passage', 'South passage', -1, strip([[70, -24], [72, -110], [120, -112]], 7)), // prettier-ignore
  unit('main-hall', 'Main hall', 0, box(-20, 62, 110, 130)),
  unit('station-square', 'Station square', 0, box(-40, 34, 56, 60), { category: 'square', outdoor: true }),
  unit('metro-platform', 'Metro platform', -3, strip([[-120, -70], [90, -96]], 14)), // prettier-ignore
];

const EXITS = [
  ['A', -40, 36, 'ticket-hall'],
  ['B', -34, -44, 'ticket-hall'],
  ['D', -178, -66, 'west-passage'],
  ['E', -132, -30, 'west-passage'],
  ['F', -160, -30, 'west-passage'],
  ['J', 46, 62, 'main-hall'],
  ['K', -4, 62, 'main-hall'],
  ['L', 92, 62, 'main-hall'],
  ['M', 88, 8, 'east-passage'],
  ['N', 90, -2, 'east-passage'],
  ['O', -46, -12, 'ticket-hall'],
  ['P', 116, -46, 'east-passage'],
  ['R', 44, -34, 'ticket-hall'],
];
const openings = EXITS.map(
  ([letter, x, y, zone]) =>
  line([[x - 2, y], [x + 2, y]], { slug: `exit-${letter.toLowerCase()}`, name: `Exit ${letter}`, level: zone === 'main-hall' ? 0 : -1, letter, connects: [zone, 'kaivokatu'], width_m: 3 }), // prettier-ignore
);

const street = (slug, name, points, width_m, kind = 'main') =>
  line(points, { slug, name, level: 0, width_m, kind });
const streets = [
  street('kaivokatu', 'Kaivokatu', [[-260, 2], [-90, 6], [60, 8], [280, 26]], 20), // prettier-ignore
  street('mannerheimintie', 'Mannerheimintie', [[-290, 150], [-170, -10], [-60, -180]], 26), // prettier-ignore
  street('simonkatu', 'Simonkatu', [[-300, -150], [-178, -40], [-150, 0]], 12, 'service'), // prettier-ignore
  street('keskuskatu', 'Keskuskatu', [[160, 16], [158, -90], [150, -200]], 14, 'service'), // prettier-ignore
  street('postikatu', 'Postikatu', [[-240, 60], [-150, 74], [-60, 84]], 11, 'service'), // prettier-ignore
  street('rautatientori', 'Rautatientori', [[150, 30], [152, 110], [156, 210]], 16, 'service'), // prettier-ignore
];

const ASSEMBLY = [['elielinaukio', 'Elielinaukio', -46, 118], ['kaivopiha', 'Kaivopiha', -52, -110], ['lasipalatsi', 'Lasipalatsi', -196, 20], ['keskuskatu-south', 'Keskuskatu', 150, -100]]; // prettier-ignore
const assembly = ASSEMBLY.map(([slug, name, x, y]) => point([x, y], { slug, name, level: 0 }));

const LETTER = { smoke: 'S', co: 'CO', heat: 'H', camera: 'C', people: 'N', door: 'D', sign: 'V', weather: 'W', traffic: 'T' }; // prettier-ignore
const SENSORS = [
  ['S-21', 'smoke', 22, 6], ['S-22', 'smoke', 46, -14], ['S-23', 'smoke', -20, 12], ['S-24', 'smoke', 2, -20],
  ['CO-31', 'co', 18, -12], ['CO-32', 'co', 96, 16], ['H-33', 'heat', 40, 8], ['H-34', 'heat', -8, -16],
  ['P-04', 'people', 46, 50], ['P-05', 'people', -40, 26], ['P-06', 'people', -36, -36], ['P-07', 'people', 108, -38], ['P-08', 'people', -170, -58],
  ['C-12', 'camera', 52, 18], ['C-14', 'camera', 30, 90], ['C-15', 'camera', -70, 40], ['C-16', 'camera', -110, -18], ['C-17', 'camera', 40, 120],
  ['DC-07', 'door', 50, 66], ['DC-08', 'door', -8, 66], ['VMS-01', 'sign', -44, 20], ['VMS-02', 'sign', 100, -26], ['VMS-03', 'sign', -30, -34], ['VMS-04', 'sign', -120, -24],
  ['W-01', 'weather', -90, 100], ['T-01', 'traffic', 150, 18],
]; // prettier-ignore
const sensors = SENSORS.map(([slug, family, x, y]) =>
  point([x, y], { slug, name: slug, family, letter: LETTER[family], level: y > 40 ? 0 : -1 }),
);

const footprint = [
  polygon(box(-24, 60, 114, 210), { slug: 'station', name: 'Helsinki Central Station', level: 0 }),
  polygon([[-150, 20], [-60, 40], [-60, 60], [-140, 52]], { slug: 'sokos', name: 'Sokos', level: 0 }), // prettier-ignore
  polygon(box(-30, -130, 62, -36), { slug: 'kaivotalo', name: 'Kaivotalo', level: 0 }),
  polygon(box(76, -190, 146, -20), { slug: 'citycenter', name: 'Citycenter', level: 0 }),
  polygon([[-130, -60], [-60, -36], [-40, -160], [-90, -130]], { slug: 'block', name: '', level: 0 }), // prettier-ignore
];
const background = [
  polygon(box(-400, -320, 400, 320), { slug: 'land', kind: 'land' }),
  polygon(box(166, 40, 300, 200), { slug: 'tori', kind: 'square' }),
  polygon(box(-330, -20, -215, 90), { slug: 'park', kind: 'park' }),
  ...[0, 20, 40, 60, 80].map((x) => line([[x, 210], [x, 330]], { slug: `rail-${x}`, kind: 'rail' })), // prettier-ignore
];

export function site() {
  const bounds = [lonLat([-260, -190]), lonLat([260, 210])].flat();
  return {
    slug: 'made-up-station',
    name: 'Helsinki Central Station',
    timezone: 'Europe/Helsinki',
    attribution: '© OpenStreetMap contributors',
    synthetic_note: 'whole site synthetic',
    centre: ANCHOR,
    bounds,
    levels: [1, 0, -1, -3].map((ordinal) => ({ ordinal, name: `Level ${ordinal}` })),
    collections: {
      unit: collection(units),
      opening: collection(openings),
      street: collection(streets),
      assembly: collection(assembly),
      sensor: collection(sensors),
      footprint: collection(footprint),
      venue: collection([]),
      background: collection(background),
    },
  };
}
