import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';

export default defineConfig(({ mode }) => ({
  plugins: [svelte()],
  // vitest must take Svelte's browser build, or components render for the server
  resolve: mode === 'test' ? { conditions: ['browser'] } : {},
  worker: { format: 'es' },
  build: {
    outDir: '../src/s4allcities/ui',
    emptyOutDir: true,
    target: 'es2023',
    // nothing as data: address, so that the page's content security policy stays strict
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 1500,
    modulePreload: { polyfill: false },
  },
  test: { environment: 'node', include: ['tests/**/*.test.ts'] },
}));
