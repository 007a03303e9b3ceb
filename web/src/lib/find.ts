// Search over what is on the screen and what it can do.
import { t, tOr } from '../i18n';
import { pagesFor } from '../pages';
import type { Picture } from '../store/picture';
import { isOpen } from './priority';

export interface Hit {
  id: string;
  name: string;
  kind: string;
  alert_id?: string;
  place?: string;
  command?: 'table' | 'keys';
  page?: string;
}

const MOST = 8;

function everything(picture: Picture, names: ReadonlyMap<string, string>, role: string): Hit[] {
  const alerts = [...picture.alerts.values()].filter(isOpen);
  return [
    ...alerts.map((alert) => ({
      id: alert.id,
      name: alert.title,
      kind: t('search.alert'),
      alert_id: alert.id,
    })),
    { id: 'table', name: t('table.title'), kind: t('search.command'), command: 'table' as const },
    { id: 'keys', name: t('keys.title'), kind: t('search.command'), command: 'keys' as const },
    ...pagesFor(role).map(({ slug }) => ({
      id: slug,
      name: tOr('page', slug),
      kind: t('search.page'),
      page: slug,
    })),
    ...[...picture.exits.values()].map(({ id, letter }) => ({
      id,
      name: t('exit.name', { letter }),
      kind: t('search.exit'),
      place: id,
    })),
    ...[...picture.zones.values()].map(({ id, name }) => ({
      id,
      name: name || id,
      kind: t('search.zone'),
      place: id,
    })),
    ...[...picture.sensors.values()].map(({ id, family }) => ({
      id,
      name: names.get(id) || id,
      kind: tOr('family', family),
      place: id,
    })),
  ];
}

export function find(
  picture: Picture,
  names: ReadonlyMap<string, string>,
  text: string,
  role: string,
): Hit[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  const fits = (hit: Hit) =>
    words.every((word) => `${hit.name} ${hit.kind} ${hit.id}`.toLowerCase().includes(word));
  const seen = new Set<string>();
  return everything(picture, names, role)
    .filter((hit) => fits(hit) && !seen.has(hit.id) && seen.add(hit.id))
    .slice(0, MOST);
}
