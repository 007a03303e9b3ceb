import { encode } from '@msgpack/msgpack';
import { describe, expect, it } from 'vitest';

import {
  Connection,
  RETRY_MOST_MS,
  retryDelay_ms,
  SILENT_MS,
  type Socket,
  type World,
} from '../src/store/connection';

class FakeSocket implements Socket {
  binaryType = '';
  onopen: Socket['onopen'] = null;
  onclose: Socket['onclose'] = null;
  onmessage: Socket['onmessage'] = null;
  closed = false;
  constructor(readonly path: string) {}
  close(): void {
    this.closed = true;
  }
  open(): void {
    this.onopen?.({} as Event);
  }
  say(frame: object): void {
    const bytes = encode(frame);
    this.onmessage?.({
      data: bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength),
    } as MessageEvent);
  }
  drop(code = 1006): void {
    this.onclose?.({ code } as CloseEvent);
  }
}

class FakeWorld implements World {
  sockets: FakeSocket[] = [];
  now = 1000;
  private timers = new Map<number, { due: number; action: () => void }>();
  private serial = 0;
  open = (path: string) => {
    const socket = new FakeSocket(path);
    this.sockets.push(socket);
    return socket;
  };
  later = (action: () => void, ms: number) => {
    this.timers.set(++this.serial, { due: this.now + ms, action });
    return this.serial;
  };
  cancel = (handle: unknown) => void this.timers.delete(handle as number);
  now_ms = () => this.now;
  advance(ms: number): void {
    this.now += ms;
    for (const [id, { due, action }] of [...this.timers])
      if (due <= this.now && this.timers.delete(id)) action();
  }
  get last(): FakeSocket {
    const socket = this.sockets.at(-1);
    if (!socket) throw new Error('nothing opened');
    return socket;
  }
}

const SNAPSHOT = { type: 'snapshot', epoch: 'e1', seq: 5, t_us: 1_760_000_000_000_000, picture: {} };
const delta = (seq: number, epoch = 'e1') => ({
  type: 'delta',
  epoch,
  seq,
  t_us: 1_760_000_000_000_000 + seq,
  changes: [],
});

function begun() {
  const world = new FakeWorld();
  const doubts: number[] = [];
  const connection = new Connection(
    world,
    () => undefined,
    () => doubts.push(1),
  );
  connection.start();
  world.last.open();
  world.last.say(SNAPSHOT);
  return { world, connection, doubts };
}

describe('Connection', () => {
  it('reads msgpack with 64-bit times as plain numbers', () => {
    const { connection } = begun();
    expect([connection.live.t_us, connection.status.connected]).toEqual([1_760_000_000_000_000, true]);
  });

  it('asks for what follows after a loss, within a second, for ever', () => {
    const { world, connection } = begun();
    world.last.say(delta(6));
    for (let lost = 0; lost < 20; lost += 1) {
      world.last.drop();
      expect(connection.status.connected).toBe(false);
      world.advance(RETRY_MOST_MS);
      expect(world.sockets).toHaveLength(lost + 2);
    }
    expect(world.last.path).toBe('/api/v1/live?epoch=e1&after=6');
    world.last.say(delta(7));
    expect([connection.live.seq, connection.status.connected]).toEqual([7, true]);
  });

  it('takes the whole picture of a server that has started anew', () => {
    const { world, connection } = begun();
    world.last.drop();
    world.advance(RETRY_MOST_MS);
    world.last.say({ ...SNAPSHOT, epoch: 'e2', seq: 1 });
    expect([connection.live.epoch, connection.live.seq]).toEqual(['e2', 1]);
  });

  it('asks once for the missing numbers of a gap, then lets the jump pass', () => {
    const { world, connection } = begun();
    world.last.say(delta(8));
    expect([connection.live.seq, world.sockets.length, world.last.path]).toEqual([
      5,
      2,
      '/api/v1/live?epoch=e1&after=5',
    ]);
    expect(world.sockets[0]?.closed).toBe(true);
    world.last.say(delta(8));
    expect([connection.live.seq, world.sockets.length]).toEqual([8, 2]);
  });

  it('asks a stranger for everything', () => {
    const { world } = begun();
    world.last.say(delta(6, 'e9'));
    expect(world.last.path).toBe('/api/v1/live');
  });

  it('counts a silent socket as lost', () => {
    const { world, connection } = begun();
    world.advance(SILENT_MS);
    expect(connection.status.connected).toBe(false);
    world.advance(RETRY_MOST_MS);
    expect(world.sockets).toHaveLength(2);
  });

  it('doubts the session only when a connection was not even opened', () => {
    const { world, doubts } = begun();
    world.last.drop();
    expect(doubts).toHaveLength(0);
    world.advance(RETRY_MOST_MS);
    world.last.drop();
    expect(doubts).toHaveLength(1);
  });

  it('remembers since when it is lost, not since the last try', () => {
    const { world, connection } = begun();
    world.last.drop();
    const since = connection.status.t_lost_ms;
    world.advance(RETRY_MOST_MS);
    world.last.drop();
    expect(connection.status.t_lost_ms).toBe(since);
  });

  it('never waits longer than a second', () =>
    expect([0, 1, 2, 3, 30].map(retryDelay_ms)).toEqual([200, 400, 800, 1000, 1000]));
});
