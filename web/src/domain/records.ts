// The platform's records as this page reads them. Names, units and meaning are those of the platform's own structs:
// times in microseconds since the Unix epoch (a double holds them exactly until the year 2255).

export type Mode = 'live' | 'exercise' | 'simulation' | 'replay';
export type Level = 'info' | 'low' | 'medium' | 'high' | 'critical';
export type AlertState =
  | 'new'
  | 'acknowledged'
  | 'assigned'
  | 'escalated'
  | 'in progress'
  | 'resolved'
  | 'closed'
  | 'shelved'
  | 'suppressed'
  | 'false'
  | 'duplicate'
  | 'reopened';
export type AlertVerb =
  | 'acknowledge'
  | 'assign'
  | 'escalate'
  | 'start'
  | 'resolve'
  | 'close'
  | 'reopen'
  | 'shelve'
  | 'unshelve'
  | 'suppress'
  | 'unsuppress'
  | 'false'
  | 'duplicate';
export type RiskBand = 'very low' | 'low' | 'medium' | 'high' | 'very high';
export type ExitState = 'usable' | 'doubtful' | 'unusable' | 'unknown';
export type SensorState = 'unknown' | 'on time' | 'late' | 'stale' | 'gone' | 'clock wrong';
export type TrafficState = 'free' | 'slow' | 'jam' | 'unknown';
export type CommandState = 'sent' | 'acknowledged' | 'no_answer' | 'refused';
export type LonLat = [number, number];

interface Common {
  id: string;
  t_us: number;
  mode: Mode;
}

export interface Place {
  x_m: number | null;
  y_m: number | null;
  level: number | null;
  zone: string | null;
  entities: string[];
}

export interface Alert extends Common {
  version: number;
  level: Level;
  state: AlertState;
  incident_id: string;
  hypothesis: string;
  zone: string;
  t_annunciated_us: number;
  title: string;
  lines: string[];
  why: string[];
  probability: number;
  people: number;
  owner: string;
  t_deadline_us: number;
  actor: string;
  role: string;
  reason: string;
  /** Why it is listed without calling for attention; empty when it calls. */
  held: string;
  group: string;
  first_out: boolean;
  position: string;
  times: number;
  t_shelved_until_us: number;
  escalated_to: string;
}

export interface Term {
  name: string;
  llr: number;
  detections: string[];
  group: string;
  sensors: string[];
}

export interface Link {
  incident: string;
  reason: string;
  llr: number;
}

export interface WhatIf {
  sensor: string;
  name: string;
  llr: number;
  probability: number;
}

export interface NextLook {
  sensor: string;
  name: string;
  kind: string;
  text: string;
  if_seen: number;
  if_not: number;
  flips: number;
  change: number;
}

export interface Campaign {
  id: string;
  incidents: string[];
  probability: number;
  terms: Term[];
  text: string;
}

export interface Incident extends Common {
  version: number;
  status: 'tentative' | 'confirmed' | 'closed';
  hypothesis: string;
  probability: number;
  hypotheses: Record<string, number>;
  zones: string[];
  place: Place;
  t_first_evidence_us: number;
  t_opened_us: number | null;
  entities: string[];
  terms: Term[];
  links: Link[];
  text: string;
  what_if: WhatIf[];
  next_look: NextLook | null;
  campaign: Campaign | null;
}

export interface Risk extends Common {
  zone: string;
  hypothesis: string;
  value: number;
  low: number;
  high: number;
  threat: number;
  vulnerability: number;
  impact: number;
  band: RiskBand;
  before: number;
  people: number;
  incident_id: string;
  reasons: { text: string; share: number }[];
}

export interface Route {
  from_zone: string;
  exit: string;
  path: LonLat[];
  levels: number[];
  people: number;
  assembly: string;
  t_clear_s: number;
  people_per_min: number;
  sentence: string;
}

export interface CourseOfAction extends Common {
  name: string;
  incident_id: string;
  routes: Route[];
  exits_not_used: { exit: string; reason: string }[];
  clearance_s: { p50: number | null; p95: number | null; runs: number; reason: string };
  version: number;
  supersedes: string;
  people: number;
  bottleneck: string;
  peak_density_p_m2: number | null;
  unreachable_zones: string[];
  signs: { device: string; text: string }[];
  assumptions: string[];
}

export interface Order extends Common {
  course_of_action_id: string;
  incident_id: string;
  actor: string;
  role: string;
  note: string;
}

export interface Command extends Common {
  order_id: string;
  device: string;
  text: string;
  state: CommandState;
  attempts: number;
  t_answered_us: number;
  detail: string;
}

export interface Detection extends Common {
  kind: string;
  detector: string;
  sensor: string;
  group: string;
  place: Place;
  confidence: number;
  value: number | null;
  unit: string;
  usual: number | null;
  text: string;
}

export interface Reading {
  value: number;
  t_us: number;
  unit: string;
}

export interface Sensor {
  id: string;
  family: string;
  letter: string;
  state: SensorState;
  values: Record<string, Reading>;
  abnormal: boolean;
  incident: string;
}

export interface Zone {
  id: string;
  name: string;
  people: number | null;
  density_p_m2: number | null;
  risk: number | null;
  band: RiskBand | '';
}

export interface Exit {
  id: string;
  letter: string;
  state: ExitState;
  reason: string;
  out_per_min: number | null;
}

export interface Street {
  id: string;
  name: string;
  traffic: TrafficState;
  speed_kmh: number | null;
}

export interface Hazard {
  id: string;
  level: number | null;
  geojson: GeoJSON.FeatureCollection | GeoJSON.Feature | GeoJSON.Geometry;
}

export interface LogEntry {
  id: string;
  t_us: number;
  actor: string;
  role: string;
  text: string;
  alert_id: string;
  order_id: string;
}

export interface Platform {
  id: string;
  mode: Mode;
  demo: boolean;
  sensors_total: number;
  sensors_on_time: number;
  rejected: number;
  observations_per_s: number;
  connected: boolean;
  tentative: number;
}

/** A Public warning that waits for its second person. */
export interface Release {
  id: string;
  order_id: string;
  state: string;
  /** Who asked for it, and when. */
  actor: string;
  t_us: number;
}

/** Something that people know of the place, as the context graph holds it. */
export interface ContextEntry {
  id: string;
  type: string;
  name: string;
  zones: string[];
  reason: string;
  source: string;
  t_from_us: number;
  t_until_us: number;
  version: number;
  stated_by: string;
  t_us: number;
  [field: string]: unknown;
}

/** How a service that the city runs on holds up. */
export interface ServiceState {
  id: string;
  performance: number;
  index: number;
  robustness: number;
  recovery: [number, number][];
  t_90_h: number;
}

export interface Quantiles {
  p50_s: number | null;
  p95_s: number | null;
  count: number;
}

/** The figures of the alarms of one operator position over the last day. */
export interface AlarmKpis {
  id: string;
  position: string;
  hours: number;
  called: number;
  now_per_10min: number;
  median_per_10min: number;
  p99_per_10min: number;
  peak_per_10min: number;
  per_hour: number;
  flood: boolean;
  flood_share: number;
  chattering: number;
  stale: number;
  held: number;
  bad_actor_share: number | null;
  bad_actors: { source: string; count: number; share: number }[];
  priority_mix: Record<string, number>;
  to_acknowledge: Record<string, Quantiles>;
  to_assign: Record<string, Quantiles>;
  to_close: Record<string, Quantiles>;
  nuisance_rate: number | null;
  unexplained: number;
}

/** The receipt of an alert handed to somebody outside the control room. */
export interface Notification extends Common {
  alert_id: string;
  channel: string;
  recipient: string;
  state: 'sent' | 'failed' | 'waiting';
  attempts: number;
  receipt: string;
}

/** People and worst risk of a zone in the next half hour, with the errors that such forecasts have had. */
export interface Forecast {
  id: string;
  t_us: number;
  ahead: {
    minutes: number;
    people: number;
    risk: number;
    mae: number | null;
    mae_as_now: number | null;
    scored: number;
    /** Mean absolute error of the risk, and how many forecasts of it have come due. */
    risk_mae: number | null;
    risk_mae_as_now: number | null;
    risk_scored: number;
  }[];
}
