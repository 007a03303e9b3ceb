// The keyboard map of the screen. Letters are off while someone types.

export type Action =
  | 'next'
  | 'previous'
  | 'open'
  | 'acknowledge'
  | 'assign'
  | 'close'
  | 'map'
  | 'option'
  | 'why'
  | 'log'
  | 'table'
  | 'level-up'
  | 'level-down'
  | 'search'
  | 'keys'
  | 'order'
  | 'sound'
  | 'pages'
  | 'held'
  | 'shelve'
  | 'escalate'
  | 'back';

const LETTERS: Readonly<Record<string, Action>> = {
  j: 'next',
  k: 'previous',
  Enter: 'open',
  a: 'acknowledge',
  s: 'assign',
  c: 'close',
  m: 'map',
  o: 'option',
  w: 'why',
  l: 'log',
  t: 'table',
  n: 'sound',
  g: 'pages',
  h: 'held',
  u: 'held',
  x: 'shelve',
  e: 'escalate',
  '+': 'level-up',
  '=': 'level-up',
  '-': 'level-down',
  '/': 'search',
  '?': 'keys',
};

export interface Press {
  key: string;
  ctrlKey: boolean;
  metaKey: boolean;
  altKey: boolean;
}

export interface Focus {
  typing: boolean;
  /** The focus is on something that Enter already works on: a button, a link, a row. */
  activates: boolean;
}

export function actionFor(press: Press, focus: Focus): Action | null {
  if (press.key === 'Escape') return 'back';
  if (press.key === 'Enter' && (press.ctrlKey || press.metaKey)) return 'order';
  if (press.ctrlKey || press.metaKey || press.altKey || focus.typing) return null;
  if (press.key === 'Enter' && focus.activates) return null;
  return LETTERS[press.key] ?? null;
}

const TYPING = 'input:not([type=radio]):not([type=checkbox]), textarea, select, [contenteditable]';
const ACTIVE = 'button, a, summary, [role=tab], [role=button], [role=option], input';

export function focusOf(target: EventTarget | null): Focus {
  const element = target instanceof Element ? target : null;
  return { typing: Boolean(element?.closest(TYPING)), activates: Boolean(element?.closest(ACTIVE)) };
}

/** The lines of the keys sheet: the keys of one row and the name of what they do. */
export const SHEET: readonly { keys: readonly string[]; does: string }[] = [
  { keys: ['j', 'k'], does: 'move' },
  { keys: ['Enter'], does: 'open' },
  { keys: ['a'], does: 'acknowledge' },
  { keys: ['s'], does: 'assign' },
  { keys: ['e'], does: 'escalate' },
  { keys: ['x'], does: 'shelve' },
  { keys: ['h', 'u'], does: 'held' },
  { keys: ['c'], does: 'close' },
  { keys: ['m'], does: 'map' },
  { keys: ['o'], does: 'option' },
  { keys: ['Ctrl', 'Enter'], does: 'order' },
  { keys: ['w'], does: 'why' },
  { keys: ['l'], does: 'log' },
  { keys: ['t'], does: 'table' },
  { keys: ['-', '+'], does: 'level' },
  { keys: ['/'], does: 'search' },
  { keys: ['n'], does: 'sound' },
  { keys: ['g'], does: 'pages' },
  { keys: ['?'], does: 'keys' },
  { keys: ['Esc'], does: 'back' },
];
