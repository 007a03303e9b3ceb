// The fields of each kind of context entry that can be written on the page; the rest is written in the site's file.

export type EntryKind =
  | 'event'
  | 'works'
  | 'threat-level'
  | 'vulnerable-group'
  | 'measure'
  | 'responders'
  | 'responsible'
  | 'weather';

export interface Field {
  name: string;
  numeric: boolean;
  /** From what was written to what is sent; nothing when it was left empty. */
  read: (text: string) => unknown;
  /** From what is known to what is written. */
  show: (value: unknown) => string;
}

const plain = (value: unknown): string =>
  typeof value === 'string' || typeof value === 'number' ? String(value) : '';
const number = (name: string): Field => ({ name, numeric: true, read: Number, show: plain });
const text = (name: string): Field => ({ name, numeric: false, read: (value) => value.trim(), show: plain });
/** Words with commas between them. */
const words = (name: string): Field => ({
  name,
  numeric: false,
  read: (value) =>
    value
      .split(',')
      .map((each) => each.trim())
      .filter(Boolean),
  show: (value) => (Array.isArray(value) ? value.join(', ') : ''),
});
/** One figure for all threats. */
const forAll = (name: string): Field => ({
  name,
  numeric: true,
  read: (value) => ({ '*': Number(value) }),
  show: (value) => plain((value as Record<string, unknown> | undefined)?.['*']),
});

export const FORMS: Record<EntryKind, readonly Field[]> = {
  event: [number('people'), forAll('odds'), number('delay_s')],
  works: [words('hypotheses'), words('facts'), text('permit')],
  'threat-level': [number('level')],
  'vulnerable-group': [text('group'), number('share')],
  measure: [forAll('effect'), number('available'), words('needs')],
  responders: [text('organisation'), number('delay_s')],
  responsible: [text('role'), text('contact'), number('step')],
  weather: [text('condition'), number('warning')],
};

export function extraFields(kind: EntryKind, written: Record<string, string>): Record<string, unknown> {
  const filled = FORMS[kind].filter(({ name }) => (written[name] ?? '').trim() !== '');
  return Object.fromEntries(filled.map(({ name, read }) => [name, read((written[name] ?? '').trim())]));
}
