// @vitest-environment jsdom
import { cleanup, fireEvent, render, screen } from '@testing-library/svelte';
import { createRawSnippet } from 'svelte';
import { afterEach, describe, expect, it, vi } from 'vitest';

import Guard from '../src/components/Guard.svelte';
import Sentences from '../src/components/Sentences.svelte';
import WaysTable from '../src/components/WaysTable.svelte';
import type { Options } from '../src/lib/options';

afterEach(cleanup);

const way = (more: object) => ({
  from_zone: 'hall',
  exit: 'exit-k',
  letter: 'K',
  assembly: 'square',
  people: 25,
  people_per_min: 60,
  t_departs_s: 0,
  t_clear_s: 90,
  path: [],
  levels: [],
  through: false,
  ...more,
});

describe('the table of ways', () => {
  it('tells the two ways of a zone by one exit apart, clear of the hazard and through it', () => {
    const options = { plan: { routes: [way({}), way({ people: 16, through: true })] } } as unknown as Options;
    render(WaysTable, { options, name: (slug: string) => slug });
    expect(screen.getAllByRole('row')).toHaveLength(3);
    expect(screen.getAllByRole('cell').map((cell) => cell.textContent.trim())).toContain('16');
  });
});

describe('the words to say', () => {
  it('may hold a sentence twice', () => {
    render(Sentences, { texts: { en: ['Keep calm.', 'Leave by K.', 'Keep calm.'] } });
    expect(screen.getAllByRole('listitem')).toHaveLength(3);
  });
});

describe('a part that cannot be drawn', () => {
  it('says so with its reason, tells the console, and can be tried again', async () => {
    const reported = vi.spyOn(console, 'error').mockImplementation(() => undefined);
    let broken = true;
    const children = createRawSnippet(() => ({
      render: () => {
        if (broken) throw new Error('no such zone');
        return '<p>all is well</p>';
      },
    }));
    render(Guard, { children });
    expect(screen.getByRole('alert').textContent).toContain('no such zone');
    expect(reported).toHaveBeenCalledOnce();
    broken = false;
    await fireEvent.click(screen.getByRole('button'));
    expect(screen.getByText('all is well')).toBeTruthy();
    reported.mockRestore();
  });
});
