import { catalogues, type Language, type Messages, type Value } from './catalogue.generated';

type Key = keyof Messages;
type Parameters<K extends Key> = Messages[K] extends undefined ? [] : [Messages[K]];

let language: Language = 'en';

function fill(text: string, values: Readonly<Record<string, Value>>): string {
  return text.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}

/** Gives the text of a key in the chosen language. A key that does not exist does not compile. */
export function t<K extends Key>(key: K, ...values: Parameters<K>): string {
  const text = catalogues[language][key] ?? catalogues.en[key] ?? key;
  return fill(text, values[0] ?? {});
}

/** Gives the text of `family.name`, or the name itself in plain words when the platform says something new. */
export function tOr(family: string, name: string): string {
  const key = `${family}.${name}`;
  return catalogues[language][key] ?? catalogues.en[key] ?? name.replaceAll(/[-_]/g, ' ');
}

export function setLanguage(next: Language): void {
  language = next;
  document.documentElement.lang = next;
}

export type { Key, Language };
