// How figures and times are written. Unknown is said so, never shown as 0.
import { t, tOr } from '../i18n';

const MINUS = '−';
const NARROW = ' ';

let timezone: string | undefined;
let clock = timeFormat({ hour: '2-digit', minute: '2-digit', second: '2-digit' });
let minute = timeFormat({ hour: '2-digit', minute: '2-digit' });
let date = timeFormat({ weekday: 'short', day: '2-digit', month: 'short', year: 'numeric' });
let zoneName = timeFormat({ timeZoneName: 'short' });

function timeFormat(options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  return new Intl.DateTimeFormat('en-GB', {
    ...options,
    hourCycle: 'h23',
    ...(timezone && { timeZone: timezone }),
  });
}

/** All times on the screen are the site's. */
export function setTimezone(name: string | undefined): void {
  timezone = name;
  clock = timeFormat({ hour: '2-digit', minute: '2-digit', second: '2-digit' });
  minute = timeFormat({ hour: '2-digit', minute: '2-digit' });
  date = timeFormat({ weekday: 'short', day: '2-digit', month: 'short', year: 'numeric' });
  zoneName = timeFormat({ timeZoneName: 'short' });
}

export const clockTime = (t_us: number): string => (t_us ? clock.format(t_us / 1000) : '--:--:--');
export const minuteTime = (t_us: number): string => minute.format(t_us / 1000);
export const dateText = (t_us: number): string => (t_us ? date.format(t_us / 1000).replace(',', '') : '');
export const timezoneName = (t_us: number): string =>
  zoneName.formatToParts(t_us / 1000).find((part) => part.type === 'timeZoneName')?.value ?? '';

/** Minutes and seconds, from an hour on hours and minutes with a letter: 0:48, 12:30, 2 h 05. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const two = (value: number) => String(value).padStart(2, '0');
  if (whole < 3600) return `${Math.floor(whole / 60)}:${two(whole % 60)}`;
  return `${Math.floor(whole / 3600)} h ${two(Math.floor((whole % 3600) / 60))}`;
}

export const age = (from_us: number, now_us: number): string => duration((now_us - from_us) / 1e6);

export function integer(value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return t('unknown');
  return Math.round(value).toLocaleString('en-GB');
}

export function decimal(value: number | null | undefined, digits = 1): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return t('unknown');
  return value.toFixed(digits).replace('-', MINUS);
}

/** A reading with its unit, with as many digits as a person can use. */
export function reading(value: number, unit: string): string {
  const size = Math.abs(value);
  const digits = size >= 100 || Number.isInteger(value) ? 0 : size >= 10 ? 1 : 2;
  const name = unit ? tOr('unit', unit) : '';
  return name ? `${decimal(value, digits)}${NARROW}${name}` : decimal(value, digits);
}

/** Sureness never rounds up to certainty. */
export function percent(probability: number): string {
  const value = Math.min(99, Math.max(probability > 0 ? 1 : 0, Math.round(probability * 100)));
  return `${value}${NARROW}%`;
}

export function signed(value: number, digits = 1): string {
  return value < 0 ? `${MINUS}${Math.abs(value).toFixed(digits)}` : `+${value.toFixed(digits)}`;
}

/** Rounds figures so that what is shown adds up to the rounded sum; the ones nearest to the next figure give way. */
export function addUp(values: number[], digits = 1): number[] {
  const unit = 10 ** digits;
  const shown = values.map((value) => Math.round(value * unit));
  const whole = Math.round(values.reduce((sum, value) => sum + value, 0) * unit);
  let left = whole - shown.reduce((sum, value) => sum + value, 0);
  const step = Math.sign(left);
  const give = values.map((value, index) => step * (value * unit - (shown[index] ?? 0)));
  for (const [index] of give.map((much, index) => [index, much] as const).sort((a, b) => b[1] - a[1])) {
    if (left === 0) break;
    shown[index] = (shown[index] ?? 0) + step;
    left -= step;
  }
  return shown.map((value) => value / unit);
}

export const levelName = (ordinal: number): string => String(ordinal).replace('-', MINUS);

/** Nats as odds in plain numbers: 3.5 is "33 to 1", -2.3 is "1 to 10". */
export function odds(nats: number): string {
  const many = Math.exp(Math.min(Math.abs(nats), 20));
  const figure = many >= 10 ? Math.round(many).toLocaleString('en-GB') : many.toFixed(1).replace(/\.0$/, '');
  return nats >= 0 ? t('why.odds_for', { many: figure }) : t('why.odds_against', { many: figure });
}

/** Splits a line so that its time limit can be set in bold: "Order evacuation | before 17:43 | : smoke ..." */
export function splitDeadline(line: string): [string, string, string] {
  const match = /\b(?:before|by|until|within)\s+(?:\d{1,2}:\d{2}(?::\d{2})?|\d+\s*(?:min|s)\b)/.exec(line);
  if (!match) return [line, '', ''];
  const end = match.index + match[0].length;
  return [line.slice(0, match.index), match[0], line.slice(end)];
}

export const LINE_MOST = 62;

/** Breaks a text that is too long for a line of the three between words; nothing is cut. */
export function wrapLine(text: string, most = LINE_MOST): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/\s+/).filter(Boolean)) {
    if (line && line.length + 1 + word.length > most) {
      lines.push(line);
      line = word;
    } else line = line ? `${line} ${word}` : word;
  }
  return line ? [...lines, line] : lines;
}

/** Parts the name of a term from the doubt behind it: "Smoke: S-21 (S-21 counts 73 %: gaps)". */
export function splitTerm(name: string): [name: string, doubt: string] {
  const at = name.indexOf(' (');
  return at > 0 && name.endsWith(')') ? [name.slice(0, at), name.slice(at + 2, -1)] : [name, ''];
}
