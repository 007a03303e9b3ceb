// The tiles of the alarm page: each figure with its goal, and whether the goal is missed.
import type { AlarmKpis } from '../domain/records';
import { t } from '../i18n';
import { decimal, integer } from './format';

export const KPI_TILES = [
  'now_per_10min',
  'median_per_10min',
  'peak_per_10min',
  'flood_share',
  'chattering',
  'stale',
  'held',
  'bad_actor_share',
  'nuisance_rate',
  'unexplained',
] as const;
export type KpiName = (typeof KPI_TILES)[number];

interface Goal {
  text: string;
  holds: (value: number) => boolean;
}

const GOALS: Partial<Record<KpiName, Goal>> = {
  now_per_10min: { text: '10', holds: (value) => value <= 10 },
  median_per_10min: { text: '1', holds: (value) => value <= 1 },
  peak_per_10min: { text: '10', holds: (value) => value <= 10 },
  flood_share: { text: '1 %', holds: (value) => value < 0.01 },
  chattering: { text: '0', holds: (value) => value === 0 },
  stale: { text: '4', holds: (value) => value < 5 },
  bad_actor_share: { text: '5 %', holds: (value) => value <= 0.05 },
  nuisance_rate: { text: '10 %', holds: (value) => value <= 0.1 },
  unexplained: { text: '0', holds: (value) => value === 0 },
};
const SHARES: readonly KpiName[] = ['flood_share', 'bad_actor_share', 'nuisance_rate'];

export interface Tile {
  id: KpiName;
  value: string;
  goal: string;
  missed: boolean;
}

export function goalsOf(kpis: AlarmKpis): Tile[] {
  return KPI_TILES.map((id) => {
    const value = kpis[id];
    const goal = GOALS[id];
    const shown =
      value === null ? t('unknown') : SHARES.includes(id) ? `${decimal(100 * value, 1)} %` : integer(value);
    return {
      id,
      value: shown,
      goal: goal?.text ?? '',
      missed: value !== null && goal?.holds(value) === false,
    };
  });
}
