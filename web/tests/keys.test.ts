// @vitest-environment jsdom
import { describe, expect, it } from 'vitest';

import catalogue from '../src/i18n/en.json';
import { actionFor, focusOf, SHEET, type Focus } from '../src/lib/keys';

const FREE: Focus = { typing: false, activates: false };
const press = (key: string, extra: object = {}) => ({
  key,
  ctrlKey: false,
  metaKey: false,
  altKey: false,
  ...extra,
});

describe('actionFor', () => {
  it.each([
    ['j', 'next'],
    ['k', 'previous'],
    ['Enter', 'open'],
    ['a', 'acknowledge'],
    ['s', 'assign'],
    ['c', 'close'],
    ['m', 'map'],
    ['o', 'option'],
    ['w', 'why'],
    ['l', 'log'],
    ['t', 'table'],
    ['-', 'level-down'],
    ['+', 'level-up'],
    ['/', 'search'],
    ['g', 'pages'],
    ['?', 'keys'],
    ['Escape', 'back'],
  ])('%s: %s', (key, action) => expect(actionFor(press(key), FREE)).toBe(action));

  it('opens the order sheet with Ctrl+Enter wherever the focus is', () =>
    expect(actionFor(press('Enter', { ctrlKey: true }), { typing: true, activates: true })).toBe('order'));

  it('leaves letters to the one who types, but not Escape', () => {
    const typing = { typing: true, activates: true };
    expect([actionFor(press('a'), typing), actionFor(press('Escape'), typing)]).toEqual([null, 'back']);
  });

  it('leaves Enter to a focused button and letters to the browser with Ctrl or Alt', () => {
    expect(actionFor(press('Enter'), { typing: false, activates: true })).toBeNull();
    expect(actionFor(press('a', { ctrlKey: true }), FREE)).toBeNull();
    expect(actionFor(press('c', { altKey: true }), FREE)).toBeNull();
  });
});

describe('focusOf', () => {
  it('knows fields, buttons and the rest', () => {
    document.body.innerHTML = '<input id="i"><button id="b"><span id="s"></span></button><p id="p"></p>';
    const of = (id: string) => focusOf(document.getElementById(id));
    expect(of('i').typing).toBe(true);
    expect(of('s')).toEqual({ typing: false, activates: true });
    expect(of('p')).toEqual(FREE);
    expect(focusOf(null)).toEqual(FREE);
  });
});

it('the keys sheet has words for every line', () =>
  expect(SHEET.map(({ does }) => does).filter((name) => !(name in catalogue.key))).toEqual([]));
