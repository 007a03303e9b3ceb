// A scripted evening for work on the page: calm, then a break-in on the network, then a fire, then whatever the
// operator does. It makes records of the same shape as the platform's and knows nothing about how they come about.
import { spot } from './site.mjs';

const S = 1e6;
let serial = 0;
const id = (name) =>
  `01K${name.toUpperCase()}${String(++serial).padStart(10, '0')}`.padEnd(26, '0').slice(0, 26);
const FIRE = '01KFIRE0000000000000000000';
const CYBER = '01KCYBER000000000000000000';
const JAM = '01KJAM00000000000000000000';

const M_PER_DEG_LAT = 111_320;

/** A wobbly ring of smoke round the sensors that see it. */
const smoke = ([lon, lat], scale) => {
  const east = M_PER_DEG_LAT * Math.cos((lat * Math.PI) / 180);
  const ring = Array.from({ length: 32 }, (_, index) => {
    const angle = (index / 32) * 2 * Math.PI;
    const size_m = 14 * scale * (1 + 0.12 * Math.sin(3 * angle) + 0.08 * Math.cos(5 * angle));
    return [lon + (Math.cos(angle) * size_m) / east, lat + (Math.sin(angle) * size_m) / M_PER_DEG_LAT];
  });
  return {
    type: 'Feature',
    properties: { level: -1 },
    geometry: { type: 'Polygon', coordinates: [[...ring, ring[0]]] },
  };
};

export class Story {
  constructor(site, now_us, send) {
    this.site = site;
    this.send = send;
    this.start_us = now_us;
    this.done = new Set();
    this.ordered = null;
    this.fire_us = 0;
    this.picture = this.calm(now_us);
  }

  calm(now_us) {
    const features = (name) => this.site.collections[name].features.map((item) => item.properties);
    const people = { 'ticket-hall': 184, 'east-passage': 126, 'west-passage': 98, 'south-passage': 40, 'main-hall': 412, kitchen: 6, 'station-square': 330, 'metro-platform': 240 }; // prettier-ignore
    const rows = (list) => Object.fromEntries(list.map((value) => [value.id, value]));
    return {
      alerts: {},
      incidents: {},
      risks: {},
      courses: {},
      orders: {},
      commands: {},
      detections: {},
      hazards: {},
      log: {},
      releases: {}, // prettier-ignore
      sensors: rows(features('sensor').map(({ slug, family, letter }) => ({
        id: slug, family, letter, state: slug === 'smoke-24' ? 'stale' : slug === 'camera-07' ? 'gone' : 'on time', abnormal: false, incident: '',
        values: { [family]: { value: { smoke: 0.2, co: 4, heat: 21.4, people: 38 }[family] ?? 1, t_us: now_us, unit: { smoke: '%/m', co: 'ppm', heat: 'degC' }[family] ?? '' } },
      }))), // prettier-ignore
      zones: rows(features('unit').map(({ slug, name }) => ({ id: slug, name, people: people[slug] ?? 20, density_p_m2: 0.4 + (people[slug] ?? 20) / 400, risk: 0.03, band: 'very low' }))), // prettier-ignore
      exits: rows(features('opening').filter(({ letter }) => letter).map(({ slug, letter }) => ({ id: slug, letter, state: 'usable', reason: '', out_per_min: 20 + letter.charCodeAt(0) % 17 }))), // prettier-ignore
      streets: rows(
        features('street')
          .filter(({ carriageway }) => carriageway)
          .map(({ slug, name }) => ({ id: slug, name, traffic: 'free', speed_kmh: 31 })),
      ),
      platform: { now: { id: 'now', mode: 'live', demo: true, sensors_total: features('sensor').length, sensors_on_time: features('sensor').length - 2, rejected: 0, observations_per_s: 46, connected: true } }, // prettier-ignore
    };
  }

  set(collection, value) {
    if (value === undefined) return;
    this.picture[collection][value.id] = value;
    this.changes.push({ in: collection, id: value.id, value });
  }

  log(now_us, actor, text, extra = {}) {
    this.set('log', {
      id: id('log'),
      t_us: now_us,
      actor,
      role: actor === 'system' ? '' : 'operator',
      text,
      ...extra,
    });
  }

  once(name, due, act) {
    if (!due || this.done.has(name)) return;
    this.done.add(name);
    act();
  }

  /** Moves the story on to `elapsed_s` and sends what changed. */
  step(now_us, elapsed_s, plan) {
    this.changes = [];
    this.sensors(now_us, elapsed_s, plan);
    this.once('cyber', elapsed_s >= plan.cyber_s, () => this.cyber(now_us));
    this.once('jam', elapsed_s >= plan.cyber_s + 4, () => this.jam(now_us));
    this.once('fire', elapsed_s >= plan.fire_s, () => this.fire(now_us));
    this.once('plan', elapsed_s >= plan.fire_s + 3, () => this.plan(now_us));
    if (this.ordered) this.signs(now_us);
    if (this.changes.length) this.send(this.changes);
  }

  sensors(now_us, elapsed_s, plan) {
    for (const sensor of Object.values(this.picture.sensors)) {
      if (sensor.state !== 'on time' || Math.random() > 0.5) continue;
      const [name, old] = Object.entries(sensor.values)[0];
      const hot = sensor.abnormal && elapsed_s > plan.fire_s - 5;
      const rise = { smoke: 0.3, co: 4, heat: 1 }[sensor.family];
      const value =
        hot && rise ? old.value + rise * Math.random() : old.value * (0.98 + 0.04 * Math.random());
      this.set('sensors', { ...sensor, values: { [name]: { ...old, value, t_us: now_us } } });
    }
    for (const zone of Object.values(this.picture.zones))
      if (Math.random() < 0.2) this.set('zones', { ...zone, people: Math.max(0, zone.people + Math.round(Math.random() * 6 - 3)) }); // prettier-ignore
  }

  detection(now_us, kind, sensor, text, extra = {}) {
    const value = { record: 'detection', id: id('det'), t_us: now_us, kind, detector: kind, sensor, group: sensor, place: {}, text, ...extra }; // prettier-ignore
    this.set('detections', value);
    return value.id;
  }

  abnormal(names, incident) {
    for (const name of names)
      this.set('sensors', { ...this.picture.sensors[name], abnormal: true, incident });
  }

  cyber(now_us) {
    const scan = Array.from({ length: 6 }, (_, n) => this.detection(now_us - (40 - n * 2) * S, 'network-scan', 'ids', '214 hosts scanned')); // prettier-ignore
    const write = [
      this.detection(now_us - 20 * S, 'unauthorised-write', 'ids', 'Write to DC-07 without a ticket'),
    ];
    const door = [
      this.detection(now_us - 3 * S, 'door-contradiction', 'door-dc-07', 'says open, nobody passes'),
    ];
    const terms = [
      { name: 'Usual rate here', llr: -7 },
      { name: 'Scan of 214 hosts, 40 s', llr: 3.8, detections: scan, group: '10.20.4.77', sensors: ['ids'] },
      { name: 'Write without a ticket', llr: 4.2, detections: write, group: '10.20.4.77', sensors: ['ids'] },
      {
        name: 'DC-07 open, counter 0',
        llr: 1.9,
        detections: door,
        group: 'door-dc-07',
        sensors: ['door-dc-07', 'counter-04'],
      },
      { name: 'C-12 picture frozen', llr: 0.8, group: 'camera-12', sensors: ['camera-12'] },
      { name: 'Engineer badge, room B', llr: -1.2, group: 'badge', sensors: [] },
    ];
    this.set('incidents', { record: 'incident', id: CYBER, t_us: now_us, version: 1, status: 'confirmed', hypothesis: 'cyber-intrusion', probability: 0.92, hypotheses: { 'cyber-intrusion': 0.92, benign: 0.08 }, zones: ['main-hall'], place: { x_m: 48, y_m: 64, level: 0, zone: 'main-hall', entities: ['door-dc-07'] }, t_first_evidence_us: now_us - 40 * S, t_opened_us: now_us, terms }); // prettier-ignore
    this.set('alerts', { record: 'alert', id: '01KALERTCYBER0000000000000', t_us: now_us, version: 1, level: 'high', state: 'new', incident_id: CYBER, hypothesis: 'cyber-intrusion', zone: 'main-hall', t_annunciated_us: now_us, title: 'Cyber intrusion, door DC-07', lines: ['Someone controls door DC-07 at exit J, level 0.', '92 % sure: scan, write without ticket, counter fell to 0.', 'Send a guard to exit J before 17:40; block 10.20.4.77.'], why: ['scan', 'write', 'exit J lies'], probability: 0.92, people: 412 }); // prettier-ignore
    this.set('exits', { ...this.picture.exits['exit-j'], state: 'doubtful', reason: 'controller tampered', out_per_min: 0 }); // prettier-ignore
    this.set('risks', { record: 'risk', id: 'main-hall/cyber-intrusion', t_us: now_us, zone: 'main-hall', hypothesis: 'cyber-intrusion', value: 0.46, low: 0.33, high: 0.59, threat: 0.92, vulnerability: 0.81, impact: 0.62, band: 'medium', before: 0.03, people: 412, incident_id: CYBER, reasons: [{ text: 'The exit cannot be trusted', share: 0.7 }] }); // prettier-ignore
    this.set('zones', { ...this.picture.zones['main-hall'], risk: 0.46, band: 'medium' });
    this.abnormal(['counter-04', 'camera-12', 'door-dc-07'], CYBER);
    this.log(now_us, 'system', 'Incident opened: cyber intrusion. Alert high.', { alert_id: '01KALERTCYBER0000000000000' }); // prettier-ignore
  }

  jam(now_us) {
    this.set('streets', { ...this.picture.streets.kaivokatu, traffic: 'jam', speed_kmh: 4 });
    this.set('incidents', { record: 'incident', id: JAM, t_us: now_us, version: 1, status: 'confirmed', hypothesis: 'traffic-jam', probability: 0.95, hypotheses: { 'traffic-jam': 0.95, benign: 0.05 }, zones: ['kaivokatu'], place: { x_m: 160, y_m: 16, level: 0 }, t_first_evidence_us: now_us - 60 * S, t_opened_us: now_us, terms: [{ name: 'Loop T-01: 4 km/h', llr: 3, sensors: ['traffic-01'], group: 'traffic-01' }] }); // prettier-ignore
    this.set('alerts', { record: 'alert', id: '01KALERTJAM000000000000000', t_us: now_us, version: 2, level: 'low', state: 'assigned', owner: 'Traffic desk', incident_id: JAM, hypothesis: 'traffic-jam', zone: 'kaivokatu', t_annunciated_us: now_us - 30 * S, title: 'Jam, Kaivokatu eastbound', lines: ['Kaivokatu jammed eastbound, bus stopped, 4 km/h.', '95 % sure: loop and bus position agree.', 'Route no one to exits M and N until it clears.'], why: ['4 km/h', 'bus stopped'], probability: 0.95 }); // prettier-ignore
  }

  fire(now_us) {
    this.fire_us = now_us;
    const seen = (kind, sensor, text) => [0, 1, 2].map((n) => this.detection(now_us - (9 - n * 3) * S, kind, sensor, text, { usual: 0.2 })); // prettier-ignore
    const terms = [
      { name: 'Usual rate of fires here', llr: -6.2 },
      { name: 'Smoke: S-21, S-22, S-23 (S-21 counts 73 %: gaps in its readings; S-23 counts 80 %: clock 9 s off)', llr: 4.6, detections: seen('smoke', 'smoke-21', 'smoke rises'), group: 'smoke@ticket-hall', sensors: ['smoke-21', 'smoke-22'] }, // prettier-ignore
      { name: 'CO-31: 92 ppm, was 4', llr: 2.4, detections: seen('co', 'co-31', 'CO rises'), group: 'co@ticket-hall', sensors: ['co-31'] }, // prettier-ignore
      { name: 'Heat H-33: +9 °C per min', llr: 2.3, detections: seen('heat', 'heat-33', 'heat rises'), group: 'heat@ticket-hall', sensors: ['heat-33'] }, // prettier-ignore
      { name: 'People turn back, P-04', llr: 0.9, group: 'counter-04', sensors: ['counter-04'] },
      { name: 'No water flow in sprinkler', llr: -0.5, group: 'sprinkler', sensors: [] },
    ];
    this.set('incidents', { record: 'incident', id: FIRE, t_us: now_us, version: 1, status: 'confirmed', hypothesis: 'fire', probability: 0.97, hypotheses: { fire: 0.97, benign: 0.03 }, zones: ['ticket-hall'], place: { x_m: 32, y_m: -2, level: -1, zone: 'ticket-hall' }, t_first_evidence_us: now_us - 10 * S, t_opened_us: now_us, terms, links: [{ incident: CYBER, reason: 'same exit, 6 min apart', llr: 2.1 }] }); // prettier-ignore
    this.set('alerts', { record: 'alert', id: '01KALERTFIRE00000000000000', t_us: now_us, version: 1, level: 'critical', state: 'new', incident_id: FIRE, hypothesis: 'fire', zone: 'ticket-hall', t_annunciated_us: now_us, title: 'Fire, ticket hall, level −1', lines: ['Fire in the ticket hall, level −1, near the ticket gates.', '97 % sure: smoke, CO and heat rise together.', 'Order evacuation before 17:43: smoke reaches exit R in 2 min.'], why: ['smoke + CO + heat'], probability: 0.97, people: 184, t_deadline_us: now_us + 120 * S, decisive: 'a guard looking into the east hall' }); // prettier-ignore
    this.set('risks', { record: 'risk', id: 'ticket-hall/fire', t_us: now_us, zone: 'ticket-hall', hypothesis: 'fire', value: 0.78, low: 0.66, high: 0.87, threat: 0.97, vulnerability: 0.84, impact: 0.96, band: 'very high', before: 0.04, people: 184, incident_id: FIRE, reasons: [{ text: 'Smoke reaches two exits', share: 0.5 }, { text: '184 people inside', share: 0.3 }] }); // prettier-ignore
    const bands = { 'ticket-hall': ['very high', 0.78], 'east-passage': ['high', 0.55], 'metro-platform': ['high', 0.5], 'west-passage': ['medium', 0.3] }; // prettier-ignore
    for (const [slug, [band, risk]] of Object.entries(bands)) this.set('zones', { ...this.picture.zones[slug], band, risk }); // prettier-ignore
    this.set('exits', {
      ...this.picture.exits['exit-r'],
      state: 'unusable',
      reason: 'smoke in 2 min',
      out_per_min: 12,
    });
    for (const letter of ['m', 'n']) this.set('exits', { ...this.picture.exits[`exit-${letter}`], state: 'unusable', reason: 'traffic jam', out_per_min: 5 }); // prettier-ignore
    this.abnormal(['smoke-21', 'smoke-22', 'co-31', 'heat-33'], FIRE);
    for (const [name, scale] of [['now', 0.85], ['5min', 1.35], ['10min', 1.8]]) this.set('hazards', { id: name, level: -1, geojson: { type: 'FeatureCollection', features: [smoke(spot(this.site, 'sensor', 'smoke-21'), scale)] } }); // prettier-ignore
    this.log(now_us, 'system', 'Incident opened: fire. Alert critical.', {
      alert_id: '01KALERTFIRE00000000000000',
    });
  }

  plan(now_us) {
    const at = (name, slug) => spot(this.site, name, slug);
    const route = (from_zone, letter, assembly, people, people_per_min, sentence) => ({
      from_zone, exit: `exit-${letter}`, assembly: `assembly-${assembly}`, people, people_per_min, sentence, t_clear_s: 250,
      path: [at('unit', from_zone), at('opening', `exit-${letter}`), at('assembly', `assembly-${assembly}`)], levels: [-1, -1, 0],
    }); // prettier-ignore
    this.set('courses', {
      record: 'course-of-action', id: '01KCOURSE00000000000000000', t_us: now_us, name: 'Evacuate by A, B, P, E, D', incident_id: FIRE,
      routes: [
        route('ticket-hall', 'a', 'elielinaukio', 112, 74, 'Ticket hall, west side: leave by exit A to Elielinaukio.'),
        route('ticket-hall', 'b', 'kaivopiha', 72, 58, 'Ticket hall, south side: leave by exit B to Kaivopiha.'),
        route('east-passage', 'p', 'keskuskatu', 126, 66, 'East passage: leave by exit P to Keskuskatu.'),
        route('west-passage', 'e', 'lasipalatsi', 98, 62, 'West passage: leave by exit E to Lasipalatsi.'),
        route('metro-platform', 'd', 'lasipalatsi', 240, 70, 'Metro platform: take the west escalator, leave by exit D.'),
      ],
      exits_not_used: [{ exit: 'exit-j', reason: 'controller tampered' }, { exit: 'exit-r', reason: 'smoke' }, { exit: 'exit-m', reason: 'traffic jam' }, { exit: 'exit-n', reason: 'traffic jam' }],
      clearance_s: { p50: 290, p95: 380, runs: 200 }, people: 648, bottleneck: 'Ticket hall to exit A', peak_density_p_m2: null,
      signs: [['vms-01', 'Leave by exit A to Elielinaukio'], ['vms-05', 'Leave by exit P to Keskuskatu'], ['vms-03', 'Leave by exit B to Kaivopiha'], ['vms-08', 'Leave by exit E to Lasipalatsi']].map(([device, text]) => ({ device, text })),
      assumptions: ['Counts are right within 15 %'],
    }); // prettier-ignore
  }

  act(alert_id, { verb, expected_version, reason, assignee }, actor, now_us) {
    const alert = this.picture.alerts[alert_id];
    if (!alert) return [404, { detail: `no alert ${alert_id}` }];
    if (alert.version !== expected_version)
      return [409, { detail: `alert is at version ${alert.version} by now` }];
    const state = { acknowledge: 'acknowledged', assign: 'assigned', start: 'in progress', resolve: 'resolved', close: 'closed', reopen: 'new' }[verb]; // prettier-ignore
    const next = { ...alert, version: alert.version + 1, state, t_us: now_us, actor, reason: reason ?? '', owner: assignee || alert.owner || '' }; // prettier-ignore
    this.changes = [];
    this.set('alerts', next);
    this.log(now_us, actor, `${state[0].toUpperCase()}${state.slice(1)}${reason ? `: ${reason}` : ''}.`, {
      alert_id,
    });
    this.send(this.changes);
    return [201, next];
  }

  order(course_id, note, actor, now_us) {
    const course = this.picture.courses[course_id];
    if (!course) return [404, { detail: `no course of action ${course_id}` }];
    const order = { record: 'order', id: id('order'), t_us: now_us, course_of_action_id: course_id, incident_id: course.incident_id, actor, role: 'operator', note }; // prettier-ignore
    this.changes = [];
    this.set('orders', order);
    for (const { device, text } of course.signs) this.set('commands', { record: 'command', id: `${order.id}/${device}`, t_us: now_us, order_id: order.id, device, text, state: 'sent' }); // prettier-ignore
    this.log(now_us, actor, `Ordered: ${course.name}.`, {
      order_id: order.id,
      alert_id: '01KALERTFIRE00000000000000',
    });
    this.send(this.changes);
    this.ordered = now_us;
    return [201, order];
  }

  /** Asks for the public warning of an order; a second person decides. */
  ask(order_id, who, now_us) {
    if (!this.picture.orders[order_id]) return [409, { detail: `there is no order ${order_id}` }];
    if (who.role === 'auditor') return [403, { detail: 'role auditor may not ask for a release' }];
    const release = { id: id('release'), order_id, state: 'waiting', actor: who.name, t_us: now_us };
    this.changes = [];
    this.set('releases', release);
    this.log(now_us, who.name, 'Asked for a public warning.', { order_id });
    this.send(this.changes);
    return [201, release];
  }

  decide(release_id, verb, reason, who, now_us) {
    const release = this.picture.releases[release_id];
    if (!release) return [409, { detail: `release ${release_id} is no longer open` }];
    if (who.role !== 'supervisor') return [403, { detail: `role ${who.role} may not decide on a release` }];
    if (who.name === release.actor) return [409, { detail: `${who.name} asked for it; a second person must decide` }]; // prettier-ignore
    if (who.name === this.picture.orders[release.order_id].actor) return [409, { detail: `${who.name} gave the order; a public message needs a second person` }]; // prettier-ignore
    if (verb === 'refuse' && !reason) return [409, { detail: 'a refusal needs a reason' }];
    Reflect.deleteProperty(this.picture.releases, release_id);
    this.changes = [{ in: 'releases', id: release_id, value: null }];
    const text = verb === 'refuse' ? `Refused the public warning: ${reason}` : 'Made the warning public.';
    this.log(now_us, who.name, text, { order_id: release.order_id });
    this.send(this.changes);
    return [201, release];
  }

  signs(now_us) {
    for (const command of Object.values(this.picture.commands)) {
      if (command.state !== 'sent') continue;
      const silent = command.device === 'vms-03';
      if (now_us - command.t_us < (silent ? 5 : 1.5) * S) continue;
      this.set('commands', { ...command, state: silent ? 'no_answer' : 'acknowledged', attempts: silent ? 3 : 1, t_answered_us: silent ? 0 : now_us }); // prettier-ignore
      if (silent) this.log(now_us, 'system', `Sign ${command.device} does not answer: three commands.`, { order_id: command.order_id }); // prettier-ignore
    }
  }
}
