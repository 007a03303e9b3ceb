// The platform leaves out fields that hold their default. They are put back here, once, so that nothing behind this
// border has to ask whether a field is there.
import type * as R from './records';

type Loose = Record<string, unknown>;

const COMMON = { mode: 'live' };
const PLACE = { x_m: null, y_m: null, level: null, zone: null, entities: [] };
const TERM = { detections: [], group: '', sensors: [] };
const LINK = { llr: 0 };
const ROUTE = { levels: [], assembly: '', t_clear_s: 0, people_per_min: 0, sentence: '' };

function filled(defaults: Loose, value: unknown): Loose {
  return { ...defaults, ...(value as Loose) };
}

function each(defaults: Loose, list: unknown): Loose[] {
  return Array.isArray(list) ? list.map((value) => filled(defaults, value)) : [];
}

const ALERT = {
  ...COMMON,
  why: [],
  lines: [],
  probability: 0,
  people: 0,
  owner: '',
  t_deadline_us: 0,
  actor: '',
  role: '',
  reason: '',
  held: '',
  group: '',
  first_out: false,
  position: 'operator',
  times: 1,
  t_shelved_until_us: 0,
  escalated_to: '',
};
const ENTRY = {
  name: '',
  zones: [],
  reason: '',
  source: '',
  t_from_us: 0,
  t_until_us: 0,
  version: 0,
  stated_by: '',
};
const INCIDENT = {
  ...COMMON,
  t_opened_us: null,
  entities: [],
  zones: [],
  hypotheses: {},
  text: '',
  what_if: [],
  next_look: null,
  campaign: null,
};
const RISK = { ...COMMON, before: 0, people: 0, incident_id: '', reasons: [] };
const COURSE = {
  ...COMMON,
  version: 1,
  supersedes: '',
  people: 0,
  bottleneck: '',
  peak_density_p_m2: null,
  exits_not_used: [],
  unreachable_zones: [],
  signs: [],
  assumptions: [],
};
const DETECTION = { ...COMMON, confidence: 1, value: null, unit: '', usual: null, text: '' };
const COMMAND = { ...COMMON, attempts: 1, t_answered_us: 0, detail: '' };
const CLEARANCE = { p50: null, p95: null, runs: 0, reason: '' };

function incident(value: Loose): Loose {
  return {
    ...filled(INCIDENT, value),
    place: filled(PLACE, value['place']),
    terms: each(TERM, value['terms']),
    links: each(LINK, value['links']),
  };
}

function course(value: Loose): Loose {
  return {
    ...filled(COURSE, value),
    routes: each(ROUTE, value['routes']),
    clearance_s: filled(CLEARANCE, value['clearance_s']),
  };
}

/** The state has its own word on the screen: a reason does not say it again. */
function exit(value: Loose): Loose {
  const whole = filled({ letter: '', state: 'unknown', reason: '', out_per_min: null }, value);
  return { ...whole, reason: String(whole['reason']).replace(/^(usable|doubtful|unusable|unknown):\s*/, '') };
}

const FILL: Record<string, (value: Loose) => Loose> = {
  alerts: (value) => filled(ALERT, value),
  incidents: incident,
  risks: (value) => filled(RISK, value),
  courses: course,
  orders: (value) => filled({ ...COMMON, note: '' }, value),
  commands: (value) => filled(COMMAND, value),
  detections: (value) => ({ ...filled(DETECTION, value), place: filled(PLACE, value['place']) }),
  sensors: (value) =>
    filled({ family: '', letter: '', state: 'unknown', values: {}, abnormal: false, incident: '' }, value),
  zones: (value) => filled({ name: '', people: null, density_p_m2: null, risk: null, band: '' }, value),
  exits: exit,
  streets: (value) => filled({ name: '', traffic: 'unknown', speed_kmh: null }, value),
  hazards: (value) => filled({ level: null }, value),
  log: (value) => filled({ actor: '', role: '', text: '', alert_id: '', order_id: '' }, value),
  platform: (value) =>
    filled(
      {
        mode: 'live',
        demo: false,
        sensors_total: 0,
        sensors_on_time: 0,
        rejected: 0,
        observations_per_s: 0,
        connected: true,
        tentative: 0,
      },
      value,
    ),
  entries: (value) => filled(ENTRY, value),
  notifications: (value) => filled({ ...COMMON, attempts: 1, receipt: '' }, value),
  releases: (value) => filled({ order_id: '', state: 'waiting', actor: '', t_us: 0 }, value),
};

/** Gives the record with its defaults, under the key it has in its collection. */
export function restore(collection: string, id: string, value: unknown): Loose {
  const loose = { id, ...(value as Loose) };
  return FILL[collection]?.(loose) ?? loose;
}

export const restoreAlert = (value: unknown): R.Alert =>
  restore('alerts', (value as Loose)['id'] as string, value) as unknown as R.Alert;
