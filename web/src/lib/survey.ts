// Surveys of how vulnerable the parts of a site are, as context entries of type `survey` keep them.
import type { ContextEntry } from '../domain/records';

import type { Question } from './api';

export const ANSWERS = [0, 1, 2, 3, 4] as const;

/** The questions by area, both in the order of the checklist. */
export function byArea(questions: Record<string, Question>): [string, { key: string; text: string }[]][] {
  const areas = new Map<string, { key: string; text: string }[]>();
  for (const [key, { area, text }] of Object.entries(questions)) {
    areas.set(area, [...(areas.get(area) ?? []), { key, text }]);
  }
  return [...areas];
}

export const surveysOf = (entries: Iterable<ContextEntry>): ContextEntry[] =>
  [...entries].filter(({ type }) => type === 'survey').sort((a, b) => a.id.localeCompare(b.id));

/** The answers of a survey, without what is no whole number from 0 to 4. */
export function answersOf(entry: ContextEntry): Record<string, number> {
  const given = Object.entries((entry.answers ?? {}) as Record<string, unknown>);
  const known = new Set<unknown>(ANSWERS);
  return Object.fromEntries(given.filter((each): each is [string, number] => known.has(each[1])));
}

/** Which other survey each zone is in already: a zone may be in one only. */
export function takenBy(surveys: readonly ContextEntry[], but: string): Map<string, string> {
  const others = surveys.filter(({ id }) => id !== but);
  return new Map(others.flatMap(({ id, zones }) => zones.map((zone): [string, string] => [zone, id])));
}
