import { describe, expect, it } from 'vitest';

import { bannerOf, type Situation } from '../src/store/banners';
import { applyChanges, readPicture } from '../src/store/picture';
import { mayAsk, mayDecide, releaseOf, waitingReleases, type Person } from '../src/store/releases';

const OPERATOR: Person = { name: 'operator 1', role: 'operator' };
const SUPERVISOR: Person = { name: 'Maria', role: 'supervisor' };
const AUDITOR: Person = { name: 'auditor 1', role: 'auditor' };
const order = (id: string, actor: string) => ({
  id,
  t_us: 1,
  course_of_action_id: 'c',
  incident_id: 'i',
  actor,
});
const release = (id: string, order_id: string, actor: string, t_us = 5) => ({
  id,
  order_id,
  state: 'waiting',
  actor,
  t_us,
});
const base = () => readPicture({ orders: { o1: order('o1', 'operator 1'), o2: order('o2', 'Maria') } });
const waiting = (...list: ReturnType<typeof release>[]) =>
  applyChanges(
    base(),
    list.map((value) => ({ in: 'releases', id: value.id, value })),
  );
const only = (picture: ReturnType<typeof base>, order_id: string) => {
  const found = releaseOf(picture, order_id);
  if (!found) throw new Error(`nothing waits for ${order_id}`);
  return found;
};

describe('the collection', () => {
  it('is part of the picture: comes with a change, goes when decided', () => {
    const asked = waiting(release('r1', 'o1', 'operator 1'));
    expect(releaseOf(asked, 'o1')).toMatchObject({ actor: 'operator 1', t_us: 5 });
    const decided = applyChanges(asked, [{ in: 'releases', id: 'r1', value: null }]);
    expect(releaseOf(decided, 'o1')).toBeUndefined();
    expect(decided.orders).toBe(asked.orders);
  });

  it('comes with a snapshot, and a server that leaves it out has none', () => {
    expect(waitingReleases(readPicture({ releases: { r1: release('r1', 'o1', 'x') } }))).toHaveLength(1);
    expect(waitingReleases(readPicture({}))).toEqual([]);
  });

  it('gives the oldest first, and only those that wait', () => {
    const late = release('r1', 'o1', 'x', 9);
    const done = { ...release('r3', 'o2', 'x', 1), state: 'confirmed' };
    const seen = waiting(late, release('r2', 'o2', 'x', 3), done);
    expect(waitingReleases(seen).map(({ id }) => id)).toEqual(['r2', 'r1']);
  });
});

describe('who may ask', () => {
  const first = base().orders.get('o1');
  it('operators and supervisors, after an order', () => {
    expect([OPERATOR, SUPERVISOR, AUDITOR].map((who) => mayAsk(base(), first, who))).toEqual([
      true,
      true,
      false,
    ]);
    expect(mayAsk(base(), undefined, OPERATOR)).toBe(false);
  });
  it('once at a time for an order', () => {
    expect(mayAsk(waiting(release('r1', 'o1', 'operator 1')), first, OPERATOR)).toBe(false);
    expect(mayAsk(waiting(release('r1', 'o2', 'operator 1')), first, OPERATOR)).toBe(true);
  });
});

describe('who may decide', () => {
  it('a supervisor, and nobody of another role', () => {
    const seen = waiting(release('r1', 'o1', 'operator 1'));
    const may = (who: Person) => mayDecide(seen, only(seen, 'o1'), who);
    expect([SUPERVISOR, { ...OPERATOR, name: 'operator 2' }, AUDITOR].map(may)).toEqual([true, false, false]);
  });
  it('not who asked, however the name is written', () => {
    const seen = waiting(release('r1', 'o1', 'maria '));
    expect(mayDecide(seen, only(seen, 'o1'), SUPERVISOR)).toBe(false);
  });
  it('not who gave the order', () => {
    const seen = waiting(release('r1', 'o2', 'operator 1'));
    expect(mayDecide(seen, only(seen, 'o2'), SUPERVISOR)).toBe(false);
  });
});

describe('the banner', () => {
  const situation = (who: Person, ...list: ReturnType<typeof release>[]): Situation => ({
    picture: waiting(...list),
    who,
    connected: true,
    loaded: true,
    t_lost_ms: 0,
    t_frame_ms: 1000,
    now_ms: 1000,
    now_us: 1,
  });
  it('is for all to see, and speaks of what this person may decide first', () => {
    const own = release('r1', 'o2', 'operator 1', 1);
    const other = release('r2', 'o1', 'operator 1', 2);
    expect(bannerOf(situation(OPERATOR, own, other))).toEqual({ kind: 'second-person', release_id: 'r1' });
    expect(bannerOf(situation(SUPERVISOR, own, other))).toEqual({ kind: 'second-person', release_id: 'r2' });
    expect(bannerOf(situation(SUPERVISOR))).toBeNull();
  });
});
