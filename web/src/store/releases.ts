// Public warnings need two persons: one asks after an order, a supervisor who neither asked nor ordered decides.
// The platform holds to it whatever the page does; these rules only keep the page from offering what it would refuse.
import type * as R from '../domain/records';
import type { Picture } from './picture';

export interface Person {
  name: string;
  role: string;
}

const ASKERS: readonly string[] = ['operator', 'supervisor'];
const DECIDERS: readonly string[] = ['supervisor'];

const same = (one: string, other: string): boolean => one.trim().toLowerCase() === other.trim().toLowerCase();

/** Those that wait for their second person, the oldest first. */
export function waitingReleases(picture: Picture): R.Release[] {
  return [...picture.releases.values()]
    .filter(({ state }) => state === 'waiting')
    .sort((a, b) => a.t_us - b.t_us || a.id.localeCompare(b.id));
}

export const releaseOf = (picture: Picture, order_id: string): R.Release | undefined =>
  waitingReleases(picture).find((release) => release.order_id === order_id);

/** Asking is for those who may order, and once at a time for an order. */
export const mayAsk = (picture: Picture, order: R.Order | undefined, who: Person): boolean =>
  order !== undefined && ASKERS.includes(who.role) && !releaseOf(picture, order.id);

/** Deciding is for a supervisor who neither asked nor gave the order. */
export function mayDecide(picture: Picture, release: R.Release, who: Person): boolean {
  const order = picture.orders.get(release.order_id);
  return DECIDERS.includes(who.role) && !same(who.name, release.actor) && !same(who.name, order?.actor ?? '');
}

/** The one that the banner speaks of: the oldest that this person may decide, else the oldest. */
export function askedOf(picture: Picture, who: Person): R.Release | undefined {
  const waiting = waitingReleases(picture);
  return waiting.find((release) => mayDecide(picture, release, who)) ?? waiting[0];
}
