// The demo site as the platform hands it to the page, read from its GeoJSON files.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const FOLDER = fileURLToPath(new URL('../../sites/helsinki-station/', import.meta.url));
const NAMES = ['unit', 'opening', 'street', 'assembly', 'sensor', 'background', 'venue', 'footprint'];

const read = (name) => JSON.parse(readFileSync(`${FOLDER}${name}`, 'utf8'));
const plain = (name) =>
  name && typeof name === 'object' ? (name.en ?? Object.values(name)[0]) : (name ?? '');

export function site() {
  const about = read('manifest.json')['s4a:site'];
  const floors = read('level.geojson').features;
  const ordinal = new Map(floors.map((floor) => [floor.id, floor.properties.ordinal]));
  const properties = (raw) => {
    const found = Object.fromEntries(
      Object.entries(raw).map(([key, value]) => [key.replace(/^s4a:/, ''), value]),
    );
    if (raw.level_id) found.level = ordinal.get(raw.level_id) ?? 0;
    if (found.exit) found.letter = found.exit;
    return { ...found, name: plain(raw.name) };
  };
  const collection = (name) => ({
    type: 'FeatureCollection',
    features: read(`${name}.geojson`).features.map((item) => ({
      ...item,
      properties: properties(item.properties),
    })),
  });
  return {
    slug: about.slug,
    name: 'Helsinki Central Station',
    timezone: about.timezone,
    attribution: about.attribution,
    synthetic_note: about.synthetic_note,
    centre: about.anchor,
    levels: floors.map(({ properties: floor }) => ({ ordinal: floor.ordinal, name: plain(floor.name) })),
    collections: Object.fromEntries(NAMES.map((name) => [name, collection(name)])),
  };
}

/** The middle of the corners of a feature, by the slug it has in a collection. */
export function spot(of, name, slug) {
  const found = of.collections[name].features.find(({ properties }) => properties.slug === slug);
  if (!found) throw new Error(`the site has no ${name} ${slug}`);
  const flat = found.geometry.coordinates.flat(Infinity);
  const mean = (axis) => {
    const values = flat.filter((_, index) => index % 2 === axis);
    return (Math.min(...values) + Math.max(...values)) / 2;
  };
  return [mean(0), mean(1)];
}
