// @vitest-environment jsdom
import { describe, expect, it } from 'vitest';

import catalogue from '../src/i18n/en.json';
import { PAGES, pageAt, pagesFor, PICTURE_KEY } from '../src/pages';

describe('the pages', () => {
  it('have an address, a letter and a title of their own', () => {
    const letters = [PICTURE_KEY, ...PAGES.map(({ letter }) => letter)];
    expect(new Set(letters).size).toBe(letters.length);
    expect(new Set(PAGES.map(({ slug }) => slug)).size).toBe(PAGES.length);
    expect(PAGES.filter(({ slug }) => !(slug in catalogue.page))).toEqual([]);
  });

  it('are found by their address', () => {
    expect(pageAt('#sensors', 'operator')?.slug).toBe('sensors');
    expect(pageAt('', 'operator')).toBeUndefined();
    expect(pageAt('#nowhere', 'operator')).toBeUndefined();
  });

  it('show themselves only to their roles', () => {
    for (const role of ['operator', 'supervisor', 'auditor', 'integrator'])
      for (const page of pagesFor(role)) expect(page.roles?.includes(role) ?? true).toBe(true);
  });
});
