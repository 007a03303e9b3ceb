import type { RiskBand } from '../domain/records';

export const BANDS: readonly RiskBand[] = ['very low', 'low', 'medium', 'high', 'very high'];

/** Class names of the five risk bands; the two lowest stay grey. */
export const BAND_CLASS: Record<RiskBand, string> = {
  'very low': 'very-low',
  low: 'lower',
  medium: 'medium',
  high: 'high',
  'very high': 'very-high',
};
