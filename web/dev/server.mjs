// Serves the built page with a scripted story, for work on the page without the platform.
//   node dev/server.mjs [--port 5180] [--cyber 6] [--fire 14] [--mode simulation]
// /login?token=dev is an operator; /login?token=supervisor (or that name) in another browser is the second person.
import { createServer } from 'node:http';
import { existsSync, readFileSync } from 'node:fs';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { encode } from '@msgpack/msgpack';
import { WebSocketServer } from 'ws';

import { site as madeUp } from './site.mjs';
import { Story } from './story.mjs';

const { values: options } = parseArgs({
  options: {
    port: { type: 'string', default: '5180' },
    cyber: { type: 'string', default: '6' },
    fire: { type: 'string', default: '14' },
    mode: { type: 'string', default: 'simulation' },
  },
});
const PAGE = fileURLToPath(new URL('../../src/s4allcities/ui/', import.meta.url));
const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.mjs': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml', '.woff2': 'font/woff2' }; // prettier-ignore
const CSP =
  "default-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'";
const PEOPLE = Object.fromEntries(
  ['operator', 'supervisor', 'auditor'].map((role) => [
    role,
    { name: `${role} 1`, role, roles: [role], csrf: 'development' },
  ]),
);
const KEPT = 1000;

const now_us = () => Date.now() * 1000;
const epoch = String(Date.now());
const plan = { cyber_s: Number(options.cyber), fire_s: Number(options.fire) };
const clients = new Set();
const deltas = [];
let seq = 0;
let begun_us = 0;
const site = madeUp();
const story = new Story(site, now_us(), (changes) => {
  seq += 1;
  const frame = { type: 'delta', epoch, seq, t_us: now_us(), changes };
  deltas.push(frame);
  if (deltas.length > KEPT) deltas.shift();
  for (const client of clients) client.send(encode(frame));
});
story.picture.platform.now.mode = options.mode;

setInterval(() => begun_us && story.step(now_us(), (now_us() - begun_us) / 1e6, plan), 500);
setInterval(
  () => clients.forEach((client) => client.send(encode({ type: 'tick', seq, t_us: now_us() }))),
  1000,
);

function history(sensor) {
  const entry = story.picture.sensors[sensor];
  if (!entry) return [404, { detail: `no sensor ${sensor}` }];
  const [name, { value }] = Object.entries(entry.values)[0];
  const base = { smoke: 0.2, co: 4, heat: 21.4, people: 38 }[entry.family] ?? 1;
  const points = Array.from({ length: 90 }, (_, n) => {
    const rise = entry.abnormal ? Math.max(0, (n - 60) / 30) ** 2 * (value - base) : 0;
    return [now_us() - (89 - n) * 10e6, base * (1 + 0.06 * Math.sin(n * 1.7) * Math.cos(n)) + rise];
  });
  return [200, { [name]: points }];
}

/** The role that a login asks for; anyone else is the operator. */
const roleOf = ({ token, name }) => [token, name].find((word) => word in PEOPLE) ?? 'operator';

function api(method, path, body, who) {
  if (path === '/api/v1/session' && method === 'POST')
    return body.token === 'wrong' || body.password === 'wrong' ? [401, { detail: 'This link or password is not valid.' }] : [201, PEOPLE[roleOf(body)]]; // prettier-ignore
  if (!who) return [401, { detail: 'log in first' }];
  if (path === '/api/v1/session') return method === 'DELETE' ? [204, null] : [200, who];
  if (path === '/api/v1/site') return [200, site];
  const alert = /^\/api\/v1\/alerts\/([^/]+)\/actions$/.exec(path);
  if (alert) return story.act(decodeURIComponent(alert[1]), body, who.name, now_us());
  if (path === '/api/v1/orders') return story.order(body.course_of_action_id, body.note, who.name, now_us());
  if (path === '/api/v1/releases') return story.ask(body.order_id, who, now_us());
  const release = /^\/api\/v1\/releases\/([^/]+)\/(confirm|refuse)$/.exec(path);
  if (release) return story.decide(decodeURIComponent(release[1]), release[2], body.reason, who, now_us());
  const sensor = /^\/api\/v1\/sensors\/([^/]+)\/history$/.exec(path);
  if (sensor) return history(decodeURIComponent(sensor[1]));
  return [404, { detail: 'not here' }];
}

async function bodyOf(request) {
  let text = '';
  for await (const part of request) text += part;
  return text ? JSON.parse(text) : {};
}

function file(response, path) {
  const wanted = join(PAGE, normalize(path));
  const target =
    wanted.startsWith(PAGE) && extname(path) && existsSync(wanted) ? wanted : join(PAGE, 'index.html');
  response.writeHead(200, { 'content-type': TYPES[extname(target)] ?? 'application/octet-stream', 'content-security-policy': CSP, 'cache-control': 'no-store' }); // prettier-ignore
  response.end(readFileSync(target));
}

const server = createServer(async (request, response) => {
  const { pathname } = new URL(request.url, 'http://localhost');
  if (!pathname.startsWith('/api/')) return file(response, pathname);
  const who = PEOPLE[/\bs4=(\w+)/.exec(request.headers.cookie ?? '')?.[1]];
  const [status, answer] = api(request.method, pathname, await bodyOf(request), who);
  const headers = { 'content-type': 'application/json' };
  if (pathname === '/api/v1/session' && status === 201)
    headers['set-cookie'] = `s4=${answer.role}; Path=/; SameSite=Strict; HttpOnly`;
  if (status === 204) headers['set-cookie'] = 's4=; Path=/; Max-Age=0'; // prettier-ignore
  response.writeHead(status, headers);
  response.end(status === 204 ? undefined : JSON.stringify(answer));
});

const sockets = new WebSocketServer({ server, path: '/api/v1/live' });
sockets.on('connection', (client, request) => {
  const asked = new URL(request.url, 'http://localhost').searchParams;
  const after = Number(asked.get('after'));
  const kept = asked.get('epoch') === epoch && (after === seq || (deltas[0]?.seq ?? Infinity) <= after + 1);
  if (kept) deltas.filter((frame) => frame.seq > after).forEach((frame) => client.send(encode(frame)));
  else client.send(encode({ type: 'snapshot', epoch, seq, t_us: now_us(), picture: story.picture }));
  begun_us ||= now_us();
  clients.add(client);
  client.on('close', () => clients.delete(client));
});
server.listen(Number(options.port), '127.0.0.1', () =>
  console.log(`http://127.0.0.1:${options.port}/login?token=dev`),
);
