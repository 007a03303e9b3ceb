// Turns the JSON catalogues of src/i18n into one typed TypeScript module, and refuses what would show as a hole on
// the screen: a key that the code asks for and English lacks, a language that lacks a key, a placeholder that differs,
// a key that nobody uses.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const WEB = fileURLToPath(new URL('..', import.meta.url));
const FOLDER = join(WEB, 'src/i18n');
const PLACEHOLDER = /\{(\w+)\}/g;

export function flatten(tree, prefix = '') {
  return Object.entries(tree).flatMap(([name, value]) =>
    typeof value === 'string' ? [[prefix + name, value]] : flatten(value, `${prefix}${name}.`),
  );
}

export function placeholders(text) {
  return [...new Set([...text.matchAll(PLACEHOLDER)].map((match) => match[1]))].sort();
}

export function usedKeys(sources) {
  const exact = new Set();
  const families = new Set();
  for (const source of sources) {
    for (const match of source.matchAll(/\bt\(\s*'([^']+)'/g)) exact.add(match[1]);
    for (const match of source.matchAll(/\btOr\(\s*'([^']+)'/g)) families.add(match[1]);
    for (const match of source.matchAll(/\bkey:\s*'([\w.-]+)'/g)) exact.add(match[1]);
  }
  return { exact, families };
}

export function problems(catalogues, used) {
  const found = [];
  const english = new Map(catalogues.en);
  for (const key of used.exact) if (!english.has(key)) found.push(`en.json: no text for "${key}"`);
  for (const key of english.keys()) {
    const family = [...used.families].some((prefix) => key.startsWith(`${prefix}.`));
    if (!family && !used.exact.has(key)) found.push(`en.json: "${key}" is used nowhere`);
  }
  for (const [language, entries] of Object.entries(catalogues)) {
    const own = new Map(entries);
    for (const key of own.keys())
      if (!english.has(key)) found.push(`${language}.json: "${key}" is not in en.json`);
    for (const [key, text] of english) {
      const other = own.get(key);
      if (other === undefined) found.push(`${language}.json: no text for "${key}"`);
      else if (placeholders(other).join() !== placeholders(text).join())
        found.push(`${language}.json: "${key}" has other placeholders than en.json`);
    }
  }
  return found;
}

function typeOf(text) {
  const names = placeholders(text);
  return names.length ? `{ ${names.map((name) => `${name}: Value`).join('; ')} }` : 'undefined';
}

export function generate(catalogues) {
  const types = catalogues.en.map(([key, text]) => `  ${JSON.stringify(key)}: ${typeOf(text)};`);
  return [
    '// Made by scripts/i18n.mjs from the JSON catalogues beside it. Do not edit.',
    'export type Value = string | number;',
    `export interface Messages {\n${types.join('\n')}\n}`,
    `export const languages = ${JSON.stringify(Object.keys(catalogues))} as const;`,
    'export type Language = (typeof languages)[number];',
    `export const catalogues: Record<Language, Readonly<Record<string, string>>> = ${JSON.stringify(
      Object.fromEntries(
        Object.entries(catalogues).map(([name, entries]) => [name, Object.fromEntries(entries)]),
      ),
      null,
      2,
    )};`,
    '',
  ].join('\n');
}

export function load() {
  const files = readdirSync(FOLDER).filter((name) => name.endsWith('.json'));
  files.sort((a, b) => Number(b === 'en.json') - Number(a === 'en.json') || a.localeCompare(b));
  return Object.fromEntries(
    files.map((name) => [
      basename(name, '.json'),
      flatten(JSON.parse(readFileSync(join(FOLDER, name), 'utf8'))),
    ]),
  );
}

export function sources(folder = join(WEB, 'src')) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter(
      (entry) => entry.isFile() && /\.(ts|svelte)$/.test(entry.name) && !entry.name.includes('.generated.'),
    )
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'utf8'));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const catalogues = load();
  const found = problems(catalogues, usedKeys(sources()));
  writeFileSync(join(FOLDER, 'catalogue.generated.ts'), generate(catalogues));
  if (found.length) {
    console.error(found.map((line) => `i18n: ${line}`).join('\n'));
    process.exit(1);
  }
}
