import type { Alert, Level } from '../domain/records';

/** 1 critical octagon, 2 high triangle, 3 medium diamond, 4 low circle; news of no urgency count as low. */
export type Priority = 1 | 2 | 3 | 4;

const OF: Record<Level, Priority> = { critical: 1, high: 2, medium: 3, low: 4, info: 4 };

export function priorityOf(level: Level): Priority {
  return OF[level];
}

const OVER: readonly string[] = ['closed', 'false', 'duplicate'];
const UNTAKEN: readonly string[] = ['new', 'reopened', 'escalated'];

export const isUnacknowledged = (alert: Alert): boolean => UNTAKEN.includes(alert.state);
export const isOpen = (alert: Alert): boolean => !OVER.includes(alert.state);
/** Listed without calling: shelved, suppressed, part of another, or waiting for its turn. */
export const isHeld = (alert: Alert): boolean => isOpen(alert) && alert.held !== '';
export const needsYou = (alert: Alert): boolean =>
  isOpen(alert) && alert.held === '' && isUnacknowledged(alert);

export const COLOUR: Record<Priority, string> = {
  1: '--p1-critical',
  2: '--p2-high',
  3: '--p3-medium',
  4: '--p4-low',
};
export const TEXT_COLOUR: Record<Priority, string> = { ...COLOUR, 1: '--p1-text' };

/** Outline of each shape in a box of 100, and how far its digit sits below the middle. */
export const SHAPES: Record<Priority, { points: string; drop: number }> = {
  1: { points: '32,5 68,5 95,32 95,68 68,95 32,95 5,68 5,32', drop: 0 },
  2: { points: '50,6 97,90 3,90', drop: 13 },
  3: { points: '50,2 98,50 50,98 2,50', drop: 0 },
  4: { points: '', drop: 0 },
};
