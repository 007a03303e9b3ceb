// One WebSocket, kept alive for ever: it asks for what follows the last number it has, and tries again within a second.
import { decode } from '@msgpack/msgpack';

import { emptyLive, receive, resumeQuery, type Frame, type Live } from './picture';

export const RETRY_LEAST_MS = 200;
export const RETRY_MOST_MS = 1000;
export const SILENT_MS = 6000;

export interface Socket {
  binaryType: string;
  onopen: ((event: Event) => void) | null;
  onclose: ((event: CloseEvent) => void) | null;
  onmessage: ((event: MessageEvent) => void) | null;
  close(): void;
}

export interface World {
  open(path: string): Socket;
  later(action: () => void, ms: number): unknown;
  cancel(handle: unknown): void;
  now_ms(): number;
}

export interface Status {
  connected: boolean;
  /** Wall time of the last frame and of the loss of the connection, milliseconds; 0 = never. */
  t_frame_ms: number;
  t_lost_ms: number;
}

export function retryDelay_ms(attempt: number): number {
  return Math.min(RETRY_MOST_MS, RETRY_LEAST_MS * 2 ** Math.min(attempt, 8));
}

export class Connection {
  live: Live = emptyLive();
  status: Status = { connected: false, t_frame_ms: 0, t_lost_ms: 0 };
  private socket: Socket | null = null;
  private attempt = 0;
  private gapAfter = -1;
  private timer: unknown = null;
  private watchdog: unknown = null;
  private ended = false;
  private opened = false;

  constructor(
    private readonly world: World,
    private readonly changed: () => void,
    /** Called when a new connection was not even opened: the session may be over. */
    private readonly doubt: () => void = () => undefined,
  ) {}

  start(): void {
    if (this.ended) return;
    const socket = this.world.open(`/api/v1/live${resumeQuery(this.live)}`);
    socket.binaryType = 'arraybuffer';
    this.opened = false;
    socket.onopen = () => {
      this.opened = true;
      this.watch();
    };
    socket.onmessage = (event) => this.take(socket, event.data as ArrayBuffer);
    socket.onclose = (event) => this.lost(socket, event.code);
    this.socket = socket;
  }

  stop(): void {
    this.ended = true;
    this.world.cancel(this.timer);
    this.world.cancel(this.watchdog);
    this.socket?.close();
  }

  /** Applies what an answer of the API already told us, so that the screen does not wait for the next delta. */
  hint(change: (live: Live) => Live): void {
    this.live = change(this.live);
    this.changed();
  }

  private take(socket: Socket, data: ArrayBuffer): void {
    if (socket !== this.socket) return;
    const frame = decode(data) as Frame;
    const [live, outcome] = receive(this.live, frame, this.gapAfter === this.live.seq);
    if (outcome === 'gap' || outcome === 'stranger') return this.again(outcome === 'stranger');
    this.live = live;
    this.attempt = 0;
    this.status = { ...this.status, connected: true, t_frame_ms: this.world.now_ms(), t_lost_ms: 0 };
    this.watch();
    this.changed();
  }

  /** Asks anew: after a gap for what is missing (once; then jumps pass), from a stranger for everything. */
  private again(forget: boolean): void {
    if (forget) this.live = { ...this.live, epoch: '' };
    else this.gapAfter = this.live.seq;
    this.drop();
    this.start();
  }

  private drop(): void {
    const socket = this.socket;
    this.socket = null;
    if (!socket) return;
    socket.onclose = socket.onmessage = socket.onopen = null;
    socket.close();
  }

  private lost(socket: Socket, code: number): void {
    if (socket !== this.socket) return;
    this.socket = null;
    const since = this.status.t_lost_ms || this.world.now_ms();
    this.status = { ...this.status, connected: false, t_lost_ms: since };
    this.changed();
    if (!this.opened || code === 4401) this.doubt();
    this.world.cancel(this.watchdog);
    this.timer = this.world.later(() => this.start(), retryDelay_ms(this.attempt++));
  }

  /** A socket may stay open over a dead network: silence for six seconds counts as lost. */
  private watch(): void {
    this.world.cancel(this.watchdog);
    this.watchdog = this.world.later(() => {
      const socket = this.socket;
      if (!socket) return;
      this.drop();
      this.socket = socket;
      this.lost(socket, 0);
    }, SILENT_MS);
  }
}

export function browserWorld(): World {
  return {
    open: (path) => {
      const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
      return new WebSocket(`${scheme}://${location.host}${path}`);
    },
    later: (action, ms) => setTimeout(action, ms),
    cancel: (handle) => clearTimeout(handle as ReturnType<typeof setTimeout>),
    now_ms: () => Date.now(),
  };
}
