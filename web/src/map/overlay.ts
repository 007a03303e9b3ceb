// What stands on the map as elements of the page: exits, incidents and the chips that speak about them.
import type * as R from '../domain/records';
import { t, tOr } from '../i18n';
import { wrapLine } from '../lib/format';
import type { Priority } from '../lib/priority';
import { middle, type Site } from '../lib/site';
import type { Picture } from '../store/picture';
import type { QueueRow } from '../store/views';
import { alongMiddle, incidentSpot } from './features';
import type { Wish } from './place';

export interface ExitMark {
  id: string;
  letter: string;
  state: R.ExitState;
  reason: string;
  text: string;
  spot: R.LonLat;
  here: boolean;
  recommended: boolean;
}

function exitText(letter: string, state: R.ExitState, exit: R.Exit | undefined): string {
  const base = t('map.exit', { letter, state: tOr('exit_state', state) });
  return exit?.reason ? `${base}: ${exit.reason}` : base;
}

export function exitMarks(
  site: Site,
  exits: Picture['exits'],
  course: R.CourseOfAction | undefined,
  level: number,
): ExitMark[] {
  const levels = new Map(site.units.map(({ properties }) => [properties.slug, properties.level]));
  const used = new Set(course?.routes.map((route) => route.exit));
  return site.exits.map(({ geometry, properties }) => {
    const exit = exits.get(properties.slug);
    const state = exit?.state ?? 'unknown';
    const between = [properties.level, ...properties.zones.map((zone) => levels.get(zone) ?? null)];
    return {
      id: properties.slug,
      letter: properties.letter,
      state,
      reason: exit?.reason ?? '',
      text: exitText(properties.letter, state, exit),
      spot: middle(geometry),
      here: between.includes(level),
      recommended: used.has(properties.slug),
    };
  });
}

export interface Sign {
  alert: R.Alert;
  priority: Priority;
  spot: R.LonLat;
}

export function placedSigns(site: Site, picture: Picture, queue: readonly QueueRow[]): Sign[] {
  return queue.flatMap(({ alert, priority }) => {
    const incident = picture.incidents.get(alert.incident_id);
    const spot = incident && incidentSpot(site, picture, incident);
    return spot ? [{ alert, priority, spot }] : [];
  });
}

export interface Chip extends Wish {
  lines: string[];
  tone: 'route' | 'doubt' | 'jam' | 'place';
  leads: boolean;
}

const REASON_CHARS = 36;
const CHAR_PX = 6.9;
const LINE_PX = 16;
const PAD = { x: 22, y: 8 };

function chip(
  id: string,
  lines: string[],
  tone: Chip['tone'],
  at: { x: number; y: number },
  gap: number,
): Chip {
  const longest = Math.max(...lines.map((line) => line.length));
  const size = { w: Math.round(longest * CHAR_PX + PAD.x), h: lines.length * LINE_PX + PAD.y };
  return { id, lines, tone, x: at.x, y: at.y, gap, leads: tone === 'doubt', ...size };
}

interface Scene {
  site: Site;
  picture: Picture;
  queue: readonly QueueRow[];
  name(slug: string): string;
}
type Project = (spot: R.LonLat) => { x: number; y: number };

/** Flow through an exit over all routes that use it. */
export function flowByExit(course: R.CourseOfAction): Map<string, number> {
  const flow = new Map<string, number>();
  for (const route of course.routes) flow.set(route.exit, (flow.get(route.exit) ?? 0) + route.people_per_min);
  return flow;
}

function assemblyChips(course: R.CourseOfAction, scene: Scene, project: Project): Chip[] {
  const ends = new Map<string, R.LonLat>();
  for (const route of course.routes) {
    const end = route.path.at(-1);
    if (route.assembly && end) ends.set(route.assembly, end);
  }
  return [...ends].map(([slug, end]) =>
    chip(`assembly|${slug}`, [t('map.assembly', { name: scene.name(slug) })], 'place', project(end), 12),
  );
}

/** The chips of the scene, most important first: doubtful exits, flows, jams, assembly places. */
export function chipWishes(
  scene: Scene,
  exits: readonly ExitMark[],
  course: R.CourseOfAction | undefined,
  project: Project,
  shown: (exit: ExitMark) => { x: number; y: number },
): Chip[] {
  const doubtful = exits
    .filter(({ state }) => state === 'doubtful')
    .map((exit) =>
      chip(
        `doubt|${exit.id}`,
        [t('map.doubtful', exit), ...wrapLine(exit.reason, REASON_CHARS)],
        'doubt',
        project(exit.spot),
        34,
      ),
    );
  const flow = course ? flowByExit(course) : new Map<string, number>();
  const flows = exits
    .filter(({ id }) => (flow.get(id) ?? 0) > 0)
    .map((exit) => {
      const text = t('map.flow', { letter: exit.letter, flow: Math.round(flow.get(exit.id) ?? 0) });
      return chip(`flow|${exit.id}`, [text], 'route', shown(exit), 18);
    });
  const jams = new Map<string, Chip>(); // a street comes in many pieces and is spoken of once
  for (const { geometry, properties } of scene.site.streets) {
    const street = scene.picture.streets.get(properties.slug);
    if (street?.traffic !== 'jam' || jams.has(properties.slug)) continue;
    const speed = street.speed_kmh === null ? t('unknown') : String(Math.round(street.speed_kmh));
    const text = t('map.jam', { speed });
    jams.set(
      properties.slug,
      chip(`jam|${properties.slug}`, [text], 'jam', project(alongMiddle(geometry)), 16),
    );
  }
  return [...doubtful, ...flows, ...jams.values(), ...(course ? assemblyChips(course, scene, project) : [])];
}
