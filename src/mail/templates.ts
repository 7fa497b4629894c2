import { readdir, readFile, realpath, stat } from 'node:fs/promises'
import { join, sep } from 'node:path'
import type { Config } from '../config.ts'
import { BUILT_IN } from './built-in.ts'
import { plainText } from './plain-text.ts'

/**
 * Templates are the operator's, but nobody trusts them with more than their own folder: they can read no other file, and neither
 * the time nor the length of what they make is without bounds.
 */

const MAX_SOURCE = 262_144 // characters
const MAX_OUTPUT = 1_048_576 // characters
const MAX_LISTED = 500
const RENDER_TIME = 1_000 // ms
const MEMORY = 10_000_000 // what liquidjs counts: characters and items

export type TemplateChoice = { name: string; description: string }

type Templates = { config: Pick<Config, 'email'> }

/** A name below the folder: no way up, nothing hidden. */
const isName = (name: string): boolean => name.length <= 200 && /^(?:[\w-][\w.-]*\/)*[\w-][\w.-]*\.html$/.test(name)

/** Where a template of the operator lies; undefined when there is none. Links may not lead out of the folder. */
async function customFile({ config }: Templates, name: string): Promise<string | undefined> {
  if (!isName(name)) return undefined
  try {
    const folder = await realpath(config.email.template_dir)
    const file = await realpath(join(folder, name))
    return file.startsWith(folder + sep) && (await stat(file)).isFile() ? file : undefined
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'EACCES'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined
    throw error
  }
}

/** The text of a template, the operator's own before the built-in one; undefined when there is none of that name. */
async function sourceOf(templates: Templates, name: string): Promise<string | undefined> {
  const file = await customFile(templates, name)
  if (file === undefined) return BUILT_IN.get(name)?.html
  if ((await stat(file)).size > MAX_SOURCE) throw new Error(`The email template ${name} is longer than ${MAX_SOURCE} bytes.`)
  return readFile(file, 'utf8')
}

export const templateExists = async (templates: Templates, name: string): Promise<boolean> =>
  BUILT_IN.has(name) || (await customFile(templates, name)) !== undefined

/** What stages can choose from: the built-in templates, then those of the operator's folder. */
export async function listTemplates(templates: Templates): Promise<TemplateChoice[]> {
  const builtIn = [...BUILT_IN].flatMap(([name, { description }]) => (description === undefined ? [] : [{ name, description }]))
  const known = new Set(BUILT_IN.keys())
  const custom = (await filesIn(templates.config.email.template_dir))
    .filter(name => isName(name) && !known.has(name))
    .toSorted()
    .slice(0, MAX_LISTED)
  const existing = await Promise.all(custom.map(async name => ((await customFile(templates, name)) === undefined ? [] : [name])))
  return [...builtIn, ...existing.flat().map(name => ({ name, description: `Custom Template: ${name}` }))]
}

async function filesIn(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder, { recursive: true })).map(name => name.replaceAll(sep, '/'))
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'EACCES'].includes((error as NodeJS.ErrnoException).code ?? '')) return []
    throw error
  }
}

/**
 * A template filled in, as HTML and as text. Values are escaped unless the template says `safe` or `raw`.
 * @throws Error for a template that does not exist, cannot be read as one, or takes too long
 */
export async function renderTemplate(
  templates: Templates & { now: () => Date },
  name: string,
  variables: Record<string, unknown>,
): Promise<{ html: string; text: string }> {
  const source = await sourceOf(templates, name)
  if (source === undefined) throw new Error(`There is no email template ${name}.`)
  // Loaded on first use: most processes never send a mail.
  const { Liquid } = await import('liquidjs')
  const { speakDjango } = await import('./django.ts')
  const read = async (file: string): Promise<string> => {
    const text = await sourceOf(templates, file)
    if (text === undefined) throw new Error(`There is no email template ${file}.`)
    return text
  }
  const onlyAsync = () => {
    throw new Error('Email templates are read asynchronously.')
  }
  const engine = new Liquid({
    fs: {
      resolve: (_folder, file) => file,
      exists: async file => (await sourceOf(templates, file)) !== undefined,
      readFile: read,
      existsSync: onlyAsync,
      readFileSync: onlyAsync,
      contains: async () => true,
    },
    relativeReference: false,
    outputEscape: 'escape',
    ownPropertyOnly: true,
    parseLimit: MAX_SOURCE * 4,
    renderLimit: RENDER_TIME,
    memoryLimit: MEMORY,
  })
  speakDjango(engine, templates.now)
  const html = (await engine.parseAndRender(source, variables)) as string
  if (html.length > MAX_OUTPUT) throw new Error(`The email template ${name} makes more than ${MAX_OUTPUT} characters.`)
  return { html, text: plainText(html) }
}
