// Bundles a program as build tools do, single-file components of Vue included:
// `node bundle.mjs ENTRY browser|node [PACKAGE=FILE]`, where the file stands for the package.

import { readFile } from 'node:fs/promises';

import { build } from 'esbuild';
import { compileScript, parse } from 'vue/compiler-sfc';

const components = {
  name: 'components',
  setup({ onLoad }) {
    onLoad({ filter: /\.vue$/ }, async ({ path }) => {
      const { descriptor } = parse(await readFile(path, 'utf8'), { filename: path });
      const { content } = compileScript(descriptor, { id: 'guide', inlineTemplate: true });
      return { contents: content, loader: 'ts' };
    });
  },
};

const [entry, platform, ...aliases] = process.argv.slice(2);
await build({
  entryPoints: [entry],
  outfile: platform === 'node' ? 'server.mjs' : 'page.js',
  bundle: true,
  platform,
  format: platform === 'node' ? 'esm' : 'iife',
  external: platform === 'node' ? ['@sentry/node'] : [],
  alias: Object.fromEntries(aliases.map((alias) => alias.split('='))),
  jsx: 'automatic',
  define: platform === 'node' ? {} : { 'process.env.NODE_ENV': '"production"' },
  plugins: [components],
});
