import fastifyStatic from '@fastify/static'
import type { FastifyInstance } from 'fastify'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { FlowData } from '../../web/flow/challenge.ts'
import type { Language } from '../../web/flow/languages.ts'

/** URLs of the built files. */
export interface Assets {
  /** Where the files are served, ending in a slash. */
  prefix: string
  /** The URL of a source file of the web workspace, as the manifest names it: `flow/main.tsx`. Throws when it was not built. */
  url: (source: string) => string
  /** URLs of what a source file of ours needs before it can run, itself left out. */
  importsOf: (source: string) => string[]
  /** The URL of a flow's view that is a file of its own; undefined for those that every page brings along, and for unknown components. */
  viewUrl: (component: string) => string | undefined
  /** The one font file that every page needs. */
  fontUrl: string
}

/** The built web workspace: URLs for pages, and the views that render a flow. */
export interface Web {
  directory: string
  /** Path that the whole server lives under: `/`, or a prefix that ends in a slash. */
  base: string
  assets: Assets
  /** The content of `#flow` for a challenge, as HTML. */
  renderFlow: (data: FlowData, language: Language) => string
  /** The title above that. */
  titleOf: (data: FlowData, language: Language) => string
}

interface ManifestEntry {
  file: string
  isDynamicEntry?: boolean
  imports?: string[]
}

/**
 * Reads what `npm run build -w web` made in `directory` (dist/web). Once, at start; rejects with advice when nothing is there.
 * `base` is the path that the server lives under, ending in a slash.
 */
export async function openWeb(directory: string, base = '/'): Promise<Web> {
  const prefix = `${base}static/dist/`
  const manifest = await readManifest(join(directory, '.vite', 'manifest.json'))
  const url = (source: string) => {
    const entry = manifest.get(source)
    if (!entry) throw new Error(`${source} is not among the built web files in ${directory}`)
    return prefix + entry.file
  }
  const importsOf = (source: string): string[] => (manifest.get(source)?.imports ?? []).flatMap(name => [...importsOf(name), url(name)])
  const viewUrl = (component: string) => {
    const entry = manifest.get(`flow/stages/${component}.tsx`)
    return entry?.isDynamicEntry ? prefix + entry.file : undefined
  }
  const fontSource = [...manifest.keys()].find(source => source.endsWith('/inter-latin-wght-normal.woff2'))
  const views = (await import(pathToFileURL(join(directory, '.server', 'flow.js')).href)) as Pick<Web, 'renderFlow' | 'titleOf'>
  return {
    directory,
    base,
    assets: { prefix, url, importsOf, viewUrl, fontUrl: url(fontSource ?? 'inter-latin-wght-normal.woff2') },
    renderFlow: views.renderFlow,
    titleOf: views.titleOf,
  }
}

async function readManifest(path: string): Promise<Map<string, ManifestEntry>> {
  try {
    return new Map(Object.entries(JSON.parse(await readFile(path, 'utf8')) as Record<string, ManifestEntry>))
  } catch (cause) {
    throw new Error(`The web files are not built: ${path} cannot be read. Run npm run build -w web.`, { cause })
  }
}

/**
 * Serves the built files below `web.assets.prefix`, in the compression the browser takes. Names with a hash never change and are
 * kept for a year; the others, whose names the API promises, are asked for again after an hour.
 * No listings, and nothing whose name begins with a dot.
 */
export async function serveAssets(app: FastifyInstance, { web }: { web: Web }): Promise<void> {
  await app.register(fastifyStatic, {
    root: web.directory,
    prefix: web.assets.prefix,
    preCompressed: true,
    dotfiles: 'ignore',
    index: false,
    redirect: false,
    decorateReply: false,
    cacheControl: false,
    setHeaders(reply, path) {
      const hashed = path.startsWith(join(web.directory, 'bundle'))
      reply.header('cache-control', hashed ? 'public, max-age=31536000, immutable' : 'public, max-age=3600')
      reply.header('x-content-type-options', 'nosniff')
      // Opened by itself, an image is a document: it may have its style, and nothing else.
      reply.header('content-security-policy', "default-src 'none'; style-src 'unsafe-inline'; sandbox")
    },
  })
}
