// The pages beside the picture. One more is one component in `pages/` and one line here.
import type { Component } from 'svelte';

import AlarmsPage from './pages/AlarmsPage.svelte';
import AssurancePage from './pages/AssurancePage.svelte';
import ContextPage from './pages/ContextPage.svelte';
import OptionsPage from './pages/OptionsPage.svelte';
import PlatformPage from './pages/PlatformPage.svelte';
import RiskPage from './pages/RiskPage.svelte';
import SensorsPage from './pages/SensorsPage.svelte';
import SurveyPage from './pages/SurveyPage.svelte';

export interface Page {
  /** Its address: `#slug`; its title is the text `page.slug`. */
  slug: string;
  /** Pressed after `g`; `p` is the picture. */
  letter: string;
  component: Component;
  /** Who sees it; everybody where it is left out. */
  roles?: readonly string[];
}

export const PICTURE_KEY = 'p';

export const PAGES: readonly Page[] = [
  { slug: 'sensors', letter: 's', component: SensorsPage },
  { slug: 'platform', letter: 'd', component: PlatformPage },
  { slug: 'alarms', letter: 'k', component: AlarmsPage },
  { slug: 'risk', letter: 'r', component: RiskPage },
  { slug: 'context', letter: 'c', component: ContextPage },
  { slug: 'options', letter: 'o', component: OptionsPage },
  { slug: 'survey', letter: 'v', component: SurveyPage },
  { slug: 'assurance', letter: 'y', component: AssurancePage },
];

export const pagesFor = (role: string): Page[] => PAGES.filter(({ roles }) => !roles || roles.includes(role));

/** Gives the page of an address such as `#sensors`; none for the picture, an unknown page or one of other roles. */
export const pageAt = (hash: string, role: string): Page | undefined =>
  pagesFor(role).find(({ slug }) => `#${slug}` === hash);
