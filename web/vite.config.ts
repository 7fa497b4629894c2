import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vite'

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url))

/**
 * Two outputs: `dist/web`, served as /static/dist/, and with `ssr` the flow's views for the server, which renders each page
 * with them before the browser does. The latter and the manifest lie in folders with a dot, which are never served.
 */
export default defineConfig(({ isSsrBuild }) => ({
  root: here('.'),
  // Relative, so that the pages also work under a path prefix.
  base: './',
  publicDir: isSsrBuild ? false : here('public'),
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  ssr: { noExternal: true },
  build: {
    target: ['es2022', 'chrome111', 'firefox114', 'safari16.4'],
    outDir: here(isSsrBuild ? '../dist/web/.server' : '../dist/web'),
    emptyOutDir: !isSsrBuild,
    assetsDir: 'bundle',
    assetsInlineLimit: 0, // data: fonts and scripts are not in our content security policy
    modulePreload: false, // the server writes the preload links, with their nonce
    manifest: !isSsrBuild, // .vite/manifest.json
    reportCompressedSize: false,
    rollupOptions: {
      input: isSsrBuild
        ? { flow: here('flow/server.tsx') }
        : {
            flow: here('flow/main.tsx'),
            'form-post': here('pages/form-post.ts'),
            library: here('pages/library.ts'),
            'captcha-frame': here('pages/captcha-frame.ts'),
            'check-session': here('pages/check-session.ts'),
            'proof-of-work': here('flow/proof-of-work.ts'),
            'flow-style': here('flow/flow.css'),
            'library-style': here('pages/library.css'),
          },
      output: isSsrBuild
        ? { entryFileNames: '[name].js', codeSplitting: false }
        : {
            // Challenges name this file, so it always has the same address.
            entryFileNames: ({ name }) => (name === 'proof-of-work' ? '[name].js' : 'bundle/[name]-[hash].js'),
          },
    },
  },
}))
