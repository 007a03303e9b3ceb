// The state of the screen: the live picture beside what the operator has opened, chosen and asked for.
import { getContext, setContext } from 'svelte';

import { restoreAlert } from '../domain/defaults';
import type * as R from '../domain/records';
import {
  ApiError,
  closeSession,
  getSession,
  deleteEntry,
  postAcknowledgeAll,
  postAlertAction,
  putEntry,
  postOrder,
  postRelease,
  postReleaseDecision,
  type AlertRequest,
  type Session,
} from '../lib/api';
import { t } from '../i18n';
import { isHeld, isOpen, needsYou, priorityOf } from '../lib/priority';
import { lettersOf, namesOf, type Site } from '../lib/site';
import { bannerOf, dataAge_s } from './banners';
import { browserWorld, Connection, type Status } from './connection';
import { emptyLive, type Live } from './picture';
import { alertsByLevel, courseOf, heldAlerts, queueRows, type QueueRow } from './views';

export type Tab = 'why' | 'context' | 'log';
export type Sheet = '' | 'order' | 'keys' | 'table' | 'ask' | 'confirm' | 'refuse';
export type Menu = '' | 'pages' | 'who' | 'more';
export type Form = '' | 'assign' | 'close' | 'shelve' | 'suppress' | 'false' | 'duplicate';

const REFRESH_MS = 50;
const BEAT_MS = 250;
const HINT_US = 60e6;
const ROWS: readonly string[] = [
  ...['acknowledge', 'assign', 'escalate', 'start', 'resolve', 'close', 'reopen', 'order'],
  ...['shelve', 'unshelve', 'suppress', 'unsuppress', 'false', 'duplicate'],
];
const ACTING: readonly string[] = ['operator', 'supervisor'];

export class Cop {
  live = $state.raw<Live>(emptyLive());
  status = $state.raw<Status>({ connected: false, t_frame_ms: 0, t_lost_ms: 0 });
  now_ms = $state(Date.now());
  selected_id = $state('');
  /** The page beside the picture that is open, by its address; empty for the picture. */
  page = $state(location.hash.slice(1));
  level = $state(0);
  tab = $state<Tab>('why');
  sheet = $state<Sheet>('');
  form = $state<Form>('');
  show_held = $state(false);
  menu = $state<Menu>('');
  searching = $state(false);
  busy = $state('');
  failure = $state('');
  said = $state('');
  shouted = $state('');
  sound = $state(false);
  /** The option as it was when the sheet was opened: what is read is what is ordered. */
  sheet_course = $state.raw<R.CourseOfAction | null>(null);
  /** The public warning that a sheet is about: the order to ask for, or the release to decide. */
  sheet_order = $state.raw<R.Order | null>(null);
  sheet_release = $state.raw<R.Release | null>(null);
  focus_request = $state.raw<{ incident_id: string; n: number }>({ incident_id: '', n: 0 });

  readonly site!: Site;
  readonly session!: Session;
  readonly names: ReadonlyMap<string, string>;
  readonly letters: ReadonlyMap<string, string>;
  private readonly connection: Connection;
  private readonly left: () => void;
  private chosen = false;
  private known = new Set<string>();
  private pending: ReturnType<typeof setTimeout> | null = null;
  private readonly beat: ReturnType<typeof setInterval>;

  constructor(site: Site, session: Session, refused: () => void) {
    this.site = site;
    this.session = session;
    this.left = refused;
    this.names = namesOf(site);
    this.letters = lettersOf(site);
    this.level = site.levels.some(({ ordinal }) => ordinal === -1) ? -1 : (site.levels[0]?.ordinal ?? 0);
    this.connection = new Connection(
      browserWorld(),
      () => this.schedule(),
      () => void this.checkSession(refused),
    );
    this.connection.start();
    this.beat = setInterval(() => (this.now_ms = Date.now()), BEAT_MS);
  }

  /** After a restart of the server the session may have ended, or live on under another token. */
  private async checkSession(refused: () => void): Promise<void> {
    try {
      await getSession();
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) refused();
    }
  }

  stop(): void {
    this.connection.stop();
    clearInterval(this.beat);
  }

  picture = $derived(this.live.picture);
  queue = $derived(queueRows(this.picture));
  held = $derived(heldAlerts(this.picture));
  may_state = $derived(['supervisor', 'integrator'].includes(this.session.role));
  may_suppress = $derived(this.session.role === 'supervisor');
  loaded = $derived(this.live.epoch !== '' || this.live.seq > 0);
  alert = $derived(this.picture.alerts.get(this.selected_id));
  incident = $derived(this.alert && this.picture.incidents.get(this.alert.incident_id));
  course = $derived(this.alert && courseOf(this.picture, this.alert.incident_id));
  levels = $derived(alertsByLevel(this.picture));
  platform = $derived(this.picture.platform.get('now'));
  mode = $derived<R.Mode>(this.platform?.mode ?? 'live');
  /** A demo is marked by its chips; the striped frame is for what-if branches beside a live picture. */
  frame = $derived<R.Mode>(this.platform?.demo && this.mode === 'simulation' ? 'live' : this.mode);
  now_us = $derived(this.live.t_us);
  age_s = $derived(dataAge_s({ t_frame_ms: this.status.t_frame_ms, now_ms: this.now_ms }));
  banner = $derived(
    bannerOf({
      ...this.status,
      picture: this.picture,
      who: this.session,
      loaded: this.loaded,
      now_ms: this.now_ms,
      now_us: this.now_us,
    }),
  );
  /** Why nothing can be done from here now; empty when it can. */
  why_not = $derived(
    !this.status.connected
      ? t('actions.offline')
      : this.mode === 'replay'
        ? t('actions.replay')
        : ACTING.includes(this.session.role)
          ? ''
          : t('actions.not_here'),
  );
  can_act = $derived(this.why_not === '');

  /** Many frames may come at once; the screen follows at most twenty times a second. */
  private schedule(): void {
    this.pending ??= setTimeout(() => this.refresh(), REFRESH_MS);
  }

  private refresh(): void {
    this.pending = null;
    this.live = this.connection.live;
    this.status = this.connection.status;
    this.announce();
  }

  private announce(): void {
    for (const alert of this.live.picture.alerts.values()) {
      if (this.known.has(alert.id)) continue;
      this.known.add(alert.id);
      if (!isOpen(alert) || isHeld(alert)) continue;
      const text = t('live.new_alert', { priority: priorityOf(alert.level), title: alert.title });
      if (alert.level === 'critical') this.shouted = text;
      else this.said = text;
      if (this.yields(alert)) this.selected_id = alert.id;
    }
  }

  /** Nothing moves under the hand: only a panel that nobody chose gives way, and only to what is more urgent. */
  private yields(newer: R.Alert): boolean {
    const shown = this.picture.alerts.get(this.selected_id);
    return !shown || (!this.chosen && priorityOf(newer.level) < priorityOf(shown.level));
  }

  name(slug: string): string {
    const name = this.picture.zones.get(slug)?.name || this.names.get(slug) || slug;
    return name === slug && this.letters.has(slug) ? t('exit.name', { letter: this.letter(slug) }) : name;
  }

  letter(exit: string): string {
    return (
      this.picture.exits.get(exit)?.letter ||
      this.letters.get(exit) ||
      exit.replace(/^exit-/, '').toUpperCase()
    );
  }

  select(id: string): void {
    this.selected_id = id;
    this.chosen = true;
    this.form = '';
    this.failure = '';
  }

  move(step: 1 | -1): void {
    const at = this.queue.findIndex((row: QueueRow) => row.alert.id === this.selected_id);
    const last = this.queue.length - 1;
    const next = at < 0 ? (step > 0 ? 0 : last) : Math.min(last, Math.max(0, at + step));
    const row = this.queue[next];
    if (row) this.select(row.alert.id);
  }

  moveLevel(step: 1 | -1): void {
    const at = this.site.levels.findIndex(({ ordinal }) => ordinal === this.level);
    const next = this.site.levels[at - step]; // the list goes from the top down
    if (next) this.level = next.ordinal;
  }

  /** Opens a page beside the picture; an empty name is the picture itself. The browser's way back works. */
  show(page: string): void {
    this.page = page;
    if (location.hash.slice(1) !== page) history.pushState(null, '', page ? `#${page}` : '/');
  }

  showOnMap(incident_id: string): void {
    const level = this.picture.incidents.get(incident_id)?.place.level;
    if (level !== null && level !== undefined && this.site.levels.some(({ ordinal }) => ordinal === level))
      this.level = level;
    this.focus_request = { incident_id, n: this.focus_request.n + 1 };
  }

  openOrder(): void {
    if (!this.course || !this.can_act) return;
    this.sheet_course = this.course;
    this.failure = '';
    this.sheet = 'order';
  }

  back(): void {
    if (this.sheet) this.sheet = '';
    else if (this.menu) this.menu = '';
    else if (this.searching) this.searching = false;
    else if (this.form) this.form = '';
    else if (this.failure) this.failure = '';
    else if (this.page) this.show('');
    else {
      this.selected_id = '';
      this.chosen = false;
    }
  }

  async act(verb: R.AlertVerb, extra: Omit<AlertRequest, 'verb' | 'expected_version'> = {}): Promise<void> {
    const alert = this.alert;
    if (!alert || !this.can_act || this.busy) return;
    this.chosen = true;
    await this.attempt(verb, async () => {
      const made = await postAlertAction(alert.id, { verb, expected_version: alert.version, ...extra });
      this.hint(restoreAlert(made));
      this.form = '';
    });
  }

  /** Acknowledges all that calls; what has moved on meanwhile is refused by itself and stays in the list. */
  async acknowledgeAll(): Promise<void> {
    const seen = this.queue.map(({ alert }) => alert).filter(needsYou);
    if (!seen.length || !this.can_act || this.busy) return;
    await this.attempt('acknowledge-all', async () => {
      const answer = await postAcknowledgeAll(
        seen.map(({ id, version }) => ({ alert_id: id, expected_version: version })),
      );
      const left = Object.values(answer.refused);
      if (left.length) this.failure = t('queue.bulk_left', { count: left.length, why: left[0] ?? '' });
      this.said = t('queue.bulk_done', { count: answer.acknowledged.length });
    });
  }

  /** States a context entry, or withdraws it when there is none. */
  async stateEntry(id: string, entry: Record<string, unknown> | null, version: number, reason: string) {
    let done = false;
    await this.attempt('context', async () => {
      if (entry) await putEntry(id, entry, version, reason);
      else await deleteEntry(id, version, reason);
      done = true;
      this.said = entry ? t('context_page.stated', { id }) : t('context_page.withdrawn', { id });
    });
    return done;
  }

  async order(note: string): Promise<void> {
    const course = this.sheet_course;
    if (!course || !this.can_act || this.busy) return;
    await this.attempt('order', async () => {
      await postOrder(course.id, note);
      this.sheet = '';
      this.said = t('live.ordered', { name: course.name });
    });
  }

  openAsk(order: R.Order): void {
    this.sheet_order = order;
    this.failure = '';
    this.sheet = 'ask';
  }

  openDecision(release: R.Release, how: 'confirm' | 'refuse'): void {
    this.sheet_release = release;
    this.failure = '';
    this.sheet = how;
  }

  async askRelease(): Promise<void> {
    const order = this.sheet_order;
    if (!order || !this.can_act || this.busy) return;
    await this.attempt('ask', async () => {
      await postRelease(order.id);
      this.sheet = '';
      this.said = t('live.asked');
    });
  }

  /** A refusal carries its reason; without one it is a confirmation. */
  async decideRelease(reason = ''): Promise<void> {
    const release = this.sheet_release;
    if (!release || !this.can_act || this.busy) return;
    await this.attempt('decide', async () => {
      await postReleaseDecision(release.id, reason);
      this.sheet = '';
      this.said = reason ? t('live.refused') : t('live.confirmed');
    });
  }

  async signOut(): Promise<void> {
    if (this.busy) return;
    let ended = false;
    await this.attempt('sign-out', async () => {
      await closeSession().catch((error: unknown) => {
        if (!(error instanceof ApiError) || error.status !== 401) throw error; // it had ended already
      });
      ended = true;
    });
    if (ended) this.left();
  }

  private async attempt(what: string, work: () => Promise<void>): Promise<void> {
    this.busy = what;
    this.failure = '';
    try {
      await work();
    } catch (error) {
      this.failure = this.explain(error, ROWS.includes(what));
    } finally {
      this.busy = '';
    }
  }

  /** `moved`: a conflict means that another was faster, and the row shows it. */
  private explain(error: unknown, moved: boolean): string {
    if (!(error instanceof ApiError)) return t('error.unknown');
    if (error.status === 0) return t('error.offline');
    if (error.status === 401) return t('error.session');
    if (error.status === 403) return t('error.forbidden', { detail: error.message });
    if (error.status === 409 && moved) return t('error.conflict', { detail: error.message });
    return t('error.refused', { detail: error.message || String(error.status) });
  }

  /** Shows the answer at once; the delta that follows says the same or newer. */
  private hint(alert: R.Alert): void {
    this.connection.hint((live) => {
      const old = live.picture.alerts.get(alert.id);
      if (!alert.id || (old && old.version >= alert.version) || alert.t_us > live.t_us + HINT_US) return live;
      return {
        ...live,
        picture: { ...live.picture, alerts: new Map(live.picture.alerts).set(alert.id, alert) },
      };
    });
  }
}

const KEY = Symbol('cop');
export const provideCop = (cop: Cop): Cop => setContext(KEY, cop);
export const useCop = (): Cop => getContext<Cop>(KEY);
