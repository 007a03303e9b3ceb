import type { Risk } from '../domain/records';
import type { Options } from './options';
import type { SiteResponse } from './site';
import type { PlatformReport } from './status';

export interface Session {
  name: string;
  role: string;
  csrf: string;
}

export type History = Record<string, [number, number][]>;
/** A reading with the band of what was usual before it, and why where something unusual began. */
export type Judged = [t_us: number, value: number, low: number | null, high: number | null, why: string];

/** What the server answered when it did not do what was asked: words for the person, never a stack. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    detail: string,
  ) {
    super(detail);
  }
}

let csrf = '';

function parsed(text: string): unknown {
  try {
    return text ? JSON.parse(text) : null;
  } catch {
    return { detail: text.slice(0, 200) }; // a proxy in between may answer in plain text
  }
}

async function request<T>(method: string, path: string, body?: unknown): Promise<T> {
  const headers: Record<string, string> = { accept: 'application/json' };
  if (body !== undefined) headers['content-type'] = 'application/json';
  if (method !== 'GET' && csrf) headers['x-csrf-token'] = csrf;
  const sent: RequestInit = { method, headers, credentials: 'same-origin' };
  if (body !== undefined) sent.body = JSON.stringify(body);
  const response = await fetch(path, sent).catch(() => {
    throw new ApiError(0, '');
  });
  const text = await response.text();
  const data = parsed(text);
  if (!response.ok) throw new ApiError(response.status, (data as { detail?: string } | null)?.detail ?? '');
  return data as T;
}

function remembered(session: Session): Session {
  csrf = session.csrf;
  return session;
}

export const getSession = (): Promise<Session> => request<Session>('GET', '/api/v1/session').then(remembered);
export const openSession = (body: { token: string } | { name: string; password: string }): Promise<Session> =>
  request<Session>('POST', '/api/v1/session', body).then(remembered);
export const closeSession = (): Promise<unknown> => request('DELETE', '/api/v1/session');
export const getSite = (): Promise<SiteResponse> => request('GET', '/api/v1/site');
export const getHistory = (sensor: string, minutes = 15): Promise<History> =>
  request('GET', `/api/v1/sensors/${encodeURIComponent(sensor)}/history?minutes=${minutes}`);
export const getUsual = (sensor: string, minutes = 60): Promise<Record<string, Judged[]>> =>
  request('GET', `/api/v1/sensors/${encodeURIComponent(sensor)}/usual?minutes=${minutes}`);
/** The newest trial of the detectors on the installation's own history. */
export interface Assurance {
  made: string;
  t_judged: string;
  t_until: string;
  simulated: boolean;
  sensors: number;
  sensors_tried: number;
  attacks: number;
  found: number;
  false_alarms_month: number;
  blind_spots: {
    sensor: string;
    zone: string;
    found: number;
    tried: number;
    expected: number;
    missed: string[];
    why: string[];
  }[];
  limits: { quantity: string; kind: string; tried: number; found: number }[];
  kinds: {
    quantity: string;
    kind: string;
    size: string;
    tried: number;
    found: number;
    delay_s: number | null;
  }[];
}
export const getAssurance = (): Promise<Assurance> => request('GET', '/api/v1/assurance');
export const ASSURANCE_REPORT = '/api/v1/assurance/report';

export const getReport = (): Promise<PlatformReport> => request('GET', '/api/v1/accounting');

export interface AlertRequest {
  verb: string;
  expected_version: number;
  reason?: string;
  assignee?: string;
  until?: string;
  duplicate_of?: string;
}
export const postAlertAction = (alert: string, body: AlertRequest): Promise<unknown> =>
  request('POST', `/api/v1/alerts/${encodeURIComponent(alert)}/actions`, body);
export const postOrder = (course: string, note: string): Promise<{ id: string }> =>
  request('POST', '/api/v1/orders', { course_of_action_id: course, note });
export const postRelease = (order: string): Promise<unknown> =>
  request('POST', '/api/v1/releases', { order_id: order });
/** Decides as the second person: refuses with a reason, confirms without one. */
export const postReleaseDecision = (release: string, reason: string): Promise<unknown> => {
  const path = `/api/v1/releases/${encodeURIComponent(release)}`;
  return reason ? request('POST', `${path}/refuse`, { reason }) : request('POST', `${path}/confirm`);
};

export interface BulkAnswer {
  acknowledged: string[];
  refused: Record<string, string>;
}
export const postAcknowledgeAll = (
  alerts: { alert_id: string; expected_version: number }[],
): Promise<BulkAnswer> => request('POST', '/api/v1/alerts/acknowledge', { alerts });
export const putEntry = (
  id: string,
  entry: Record<string, unknown>,
  expected_version: number,
  reason: string,
): Promise<unknown> =>
  request('PUT', `/api/v1/context/entries/${encodeURIComponent(id)}`, { entry, expected_version, reason });
export const deleteEntry = (id: string, expected_version: number, reason: string): Promise<unknown> => {
  const query = new URLSearchParams({ expected_version: String(expected_version), reason });
  return request('DELETE', `/api/v1/context/entries/${encodeURIComponent(id)}?${query.toString()}`);
};
export interface Question {
  area: string;
  text: string;
}
export const getSurvey = (): Promise<{ questions: Record<string, Question> }> =>
  request('GET', '/api/v1/risk/survey');
/** What could be done now, without some exits more. */
export const getOptions = (without: readonly string[]): Promise<Options> =>
  request('GET', `/api/v1/plan/options?closed=${encodeURIComponent(without.join(','))}`);
export interface SurveyScore {
  answered: number;
  questions: number;
  /** By threat, 0 to 1, without measures. */
  vulnerability: Record<string, number>;
}
export const scoreSurvey = (answers: Record<string, number>): Promise<SurveyScore> =>
  request('POST', '/api/v1/risk/survey/score', { answers });
/** Risk of every zone and threat as it stood then. */
export const getPastRisk = (at: Date): Promise<{ t_us: number; risks: Risk[] }> =>
  request('GET', `/api/v1/risk/past?at=${encodeURIComponent(at.toISOString())}`);
