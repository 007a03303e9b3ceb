// What the panels show, computed from the picture. Pure, so that the rules of the screen can be tested without one.
import type * as R from '../domain/records';
import { isHeld, isOpen, priorityOf, type Priority } from '../lib/priority';
import type { Picture } from './picture';

export interface QueueRow {
  alert: R.Alert;
  priority: Priority;
  /** Joined to the row below by a dotted line. */
  joined: boolean;
}

const byUrgency = (a: R.Alert, b: R.Alert): number =>
  priorityOf(a.level) - priorityOf(b.level) ||
  b.t_annunciated_us - a.t_annunciated_us ||
  a.id.localeCompare(b.id);

function linkedTo(picture: Picture, incident_id: string): Set<string> {
  const linked = new Set(picture.incidents.get(incident_id)?.links.map((link) => link.incident));
  for (const other of picture.incidents.values())
    if (other.links.some((link) => link.incident === incident_id)) linked.add(other.id);
  linked.delete(incident_id);
  return linked;
}

/** Open alerts that are listed without calling, most urgent first. */
export const heldAlerts = (picture: Picture): R.Alert[] =>
  [...picture.alerts.values()].filter(isHeld).sort(byUrgency);

/** Open alerts that call, most urgent first; those of linked incidents follow each other. */
export function queueRows(picture: Picture): QueueRow[] {
  const waiting = [...picture.alerts.values()].filter((a) => isOpen(a) && !isHeld(a)).sort(byUrgency);
  const rows: QueueRow[] = [];
  while (waiting.length) {
    const first = waiting.shift() as R.Alert;
    const linked = linkedTo(picture, first.incident_id);
    const chain = [first, ...waiting.filter((alert) => linked.has(alert.incident_id))];
    for (const [index, alert] of chain.entries()) {
      if (index) waiting.splice(waiting.indexOf(alert), 1);
      rows.push({ alert, priority: priorityOf(alert.level), joined: index < chain.length - 1 });
    }
  }
  return rows;
}

export function lastClosed(picture: Picture): R.Alert | undefined {
  return [...picture.alerts.values()].filter((alert) => !isOpen(alert)).sort((a, b) => b.t_us - a.t_us)[0];
}

const EXIT_ORDER: Record<R.ExitState, number> = { doubtful: 0, unusable: 1, unknown: 2, usable: 3 };

export interface ExitRow {
  exits: R.Exit[];
  state: R.ExitState;
  reason: string;
  out_per_min: number | null;
}

function sum(values: (number | null)[]): number | null {
  const known = values.filter((value): value is number => value !== null);
  return known.length ? known.reduce((total, value) => total + value, 0) : null;
}

/** Exits in need of care first; those with the same state and reason share a row. */
export function exitRows(picture: Picture): ExitRow[] {
  const groups = new Map<string, R.Exit[]>();
  const exits = [...picture.exits.values()].sort((a, b) => a.letter.localeCompare(b.letter));
  for (const exit of exits) {
    const key = `${EXIT_ORDER[exit.state]}|${exit.reason}`;
    groups.set(key, [...(groups.get(key) ?? []), exit]);
  }
  const rows = [...groups.entries()].sort(([a], [b]) => a.localeCompare(b));
  return rows.map(([, list]) => {
    const first = list[0] as R.Exit;
    return {
      exits: list,
      state: first.state,
      reason: first.reason,
      out_per_min: sum(list.map((e) => e.out_per_min)),
    };
  });
}

/** The risk that the alert's incident brings: the highest of it, else that of its zone and threat. */
export function riskOf(picture: Picture, alert: R.Alert): R.Risk | undefined {
  const all = [...picture.risks.values()];
  const own = all.filter((risk) => risk.incident_id === alert.incident_id);
  const near = own.length
    ? own
    : all.filter((risk) => risk.zone === alert.zone && risk.hypothesis === alert.hypothesis);
  const here = near.filter((risk) => risk.zone === alert.zone);
  return (here.length ? here : near).sort((a, b) => b.value - a.value)[0];
}

export interface RiskRow {
  zone: R.Zone;
  /** By threat, the risk of the zone; the worst first in `worst`. */
  cells: Map<string, R.Risk>;
  worst: number;
}

/** Zones by threats: the zones with the highest risk first, threats by name. */
export function riskField(
  zones: Iterable<R.Zone>,
  risks: readonly R.Risk[],
): { threats: string[]; rows: RiskRow[] } {
  const threats = [...new Set(risks.map((risk) => risk.hypothesis))].sort();
  const rows = [...zones].map((zone) => {
    const own = risks.filter((risk) => risk.zone === zone.id);
    const cells = new Map(own.map((risk) => [risk.hypothesis, risk]));
    return { zone, cells, worst: Math.max(0, ...own.map((risk) => risk.value)) };
  });
  rows.sort((a, b) => b.worst - a.worst || a.zone.name.localeCompare(b.zone.name));
  return { threats, rows };
}

/** The option in force for an incident: the newest that no other replaces. */
export function courseOf(picture: Picture, incident_id: string): R.CourseOfAction | undefined {
  const options = [...picture.courses.values()].filter((course) => course.incident_id === incident_id);
  const replaced = new Set(options.map((course) => course.supersedes).filter(Boolean));
  return options
    .filter((course) => !replaced.has(course.id))
    .sort((a, b) => b.t_us - a.t_us || b.version - a.version)[0];
}

export function orderOf(picture: Picture, incident_id: string): R.Order | undefined {
  return [...picture.orders.values()]
    .filter((order) => order.incident_id === incident_id)
    .sort((a, b) => b.t_us - a.t_us)[0];
}

const COMMAND_ORDER: Record<R.CommandState, number> = { no_answer: 0, refused: 1, sent: 2, acknowledged: 3 };

export function commandsOf(picture: Picture, order_id: string): R.Command[] {
  return [...picture.commands.values()]
    .filter((command) => command.order_id === order_id)
    .sort((a, b) => COMMAND_ORDER[a.state] - COMMAND_ORDER[b.state] || a.device.localeCompare(b.device));
}

export function linkedAlerts(picture: Picture, alert: R.Alert): R.Alert[] {
  const linked = linkedTo(picture, alert.incident_id);
  return [...picture.alerts.values()].filter((other) => linked.has(other.incident_id)).sort(byUrgency);
}

/** Log lines of one alert and of the orders for its incident, newest first; all lines without an alert. */
export function logOf(picture: Picture, alert?: R.Alert): R.LogEntry[] {
  const lines = [...picture.log.values()];
  const orders = new Set(
    [...picture.orders.values()].filter((o) => o.incident_id === alert?.incident_id).map((o) => o.id),
  );
  const own = alert ? lines.filter((line) => line.alert_id === alert.id || orders.has(line.order_id)) : lines;
  return own.sort((a, b) => b.t_us - a.t_us || b.id.localeCompare(a.id));
}

/** Terms for the bars: what the site alone would say first, then by size. */
export function sortedTerms(incident: R.Incident): R.Term[] {
  const prior = (term: R.Term) => term.group === '' && term.sensors.length === 0;
  return [...incident.terms].sort(
    (a, b) => Number(prior(b)) - Number(prior(a)) || Math.abs(b.llr) - Math.abs(a.llr),
  );
}

export interface FamilyRow {
  family: string;
  total: number;
  healthy: number;
  stale: number;
  gone: number;
}

export function familyRows(picture: Picture): FamilyRow[] {
  const rows = new Map<string, FamilyRow>();
  for (const { family, state } of picture.sensors.values()) {
    const row = rows.get(family) ?? { family, total: 0, healthy: 0, stale: 0, gone: 0 };
    row.total += 1;
    if (state === 'on time') row.healthy += 1;
    else if (state === 'gone') row.gone += 1;
    else if (state !== 'unknown') row.stale += 1;
    rows.set(family, row);
  }
  return [...rows.values()].sort((a, b) => a.family.localeCompare(b.family));
}

export interface Overview {
  people: number | null;
  /** The worst figure, with its band where a risk record tells it. */
  risk: { value: number; low: number | null; high: number | null } | undefined;
  exits_usable: number;
  exits: number;
}

function worstRisk(picture: Picture): Overview['risk'] {
  const told = [...picture.risks.values()].sort((a, b) => b.value - a.value)[0];
  const zones = [...picture.zones.values()].map(({ risk }) => risk).filter((risk) => risk !== null);
  const worst = Math.max(...zones);
  if (told && told.value >= worst) return told;
  return zones.length ? { value: worst, low: null, high: null } : told;
}

export function overview(picture: Picture): Overview {
  const exits = [...picture.exits.values()];
  return {
    people: sum([...picture.zones.values()].map((zone) => zone.people)),
    risk: worstRisk(picture),
    exits_usable: exits.filter((exit) => exit.state === 'usable').length,
    exits: exits.length,
  };
}

/** Shapes of open alerts on each level, most urgent first. */
export function alertsByLevel(picture: Picture): Map<number, R.Alert[]> {
  const levels = new Map<number, R.Alert[]>();
  for (const { alert } of queueRows(picture)) {
    const level = picture.incidents.get(alert.incident_id)?.place.level;
    if (level !== null && level !== undefined) levels.set(level, [...(levels.get(level) ?? []), alert]);
  }
  return levels;
}
