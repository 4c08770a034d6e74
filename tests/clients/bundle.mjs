// Bundles a page's program as build tools do, single-file components of Vue included: `node bundle.mjs ENTRY`.

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

await build({
  entryPoints: [process.argv[2]],
  outfile: 'page.js',
  bundle: true,
  jsx: 'automatic',
  define: { 'process.env.NODE_ENV': '"production"' },
  plugins: [components],
});
