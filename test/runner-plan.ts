import { globSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'

/**
 * What a test file needs decides how often and where it runs, and its imports tell:
 * `unit` needs nothing; `engine` uses test/harness.ts and runs once on each database; `postgres` uses test/postgres.ts itself and
 * runs once; `e2e` lies in test/e2e/ and drives the built program from outside. A line `// once: why` near the beginning of an `engine` file
 * makes it `once`: it runs on SQLite alone, because another file shows on both databases what it does with them.
 */
export type Kind = 'unit' | 'engine' | 'once' | 'postgres' | 'e2e'
export type Engine = 'sqlite' | 'postgres'

export type TestFile = {
  /** Relative to the repository. */
  path: string
  kind: Kind
  /** An `e2e` file with the line `// databases: both` near its beginning: it runs on PostgreSQL too. */
  both?: true
  /** Programs from the line `// needs: chromium, apache2` near the file's beginning. */
  programs: string[]
}

/** Files that run together in one process. */
export type Chunk = { label: string; engine?: Engine; needsPostgres: boolean; needsBundles: boolean; files: string[] }

export type Selection = { patterns: string[]; engine?: Engine; only?: 'e2e' | 'not-e2e' }

const patterns = ['src/**/*.test.ts', 'test/**/*.test.ts', 'scripts/**/*.test.ts', 'bench/**/*.test.ts', 'web/**/*.test.ts']

/** All test files below `root`, sorted by path. */
export function discover(root: string): TestFile[] {
  const imports = importGraph(root)
  const paths = globSync(patterns, { cwd: root, exclude: ['**/node_modules/**', '**/dist/**'] })
  return paths.sort().map(path => {
    const head = readFileSync(join(root, path), 'utf8').slice(0, 2000)
    const programs = /^(?:\/\/| \*) needs: (.+)$/m.exec(head)?.[1]?.split(/[\s,]+/) ?? []
    const kind = kindOf(path, imports)
    const once = kind === 'engine' && /^(?:\/\/| \*) once: \S/m.test(head)
    const both = /^(?:\/\/| \*) databases: both$/m.test(head)
    return { path, kind: once ? 'once' : kind, programs: programs.filter(Boolean), ...(both && { both }) }
  })
}

function kindOf(path: string, reaches: (from: string, to: string) => boolean): Kind {
  if (path.startsWith('test/e2e/')) return 'e2e'
  if (reaches(path, 'test/harness.ts')) return 'engine'
  return reaches(path, 'test/postgres.ts') ? 'postgres' : 'unit'
}

/** Tells whether one file imports another, itself or through others. Types do not count: they are gone when the code runs. */
function importGraph(root: string): (from: string, to: string) => boolean {
  const direct = new Map<string, string[]>()
  const importsOf = (file: string): string[] => {
    const known = direct.get(file)
    if (known) return known
    const found: string[] = []
    direct.set(file, found)
    const code = readFileSync(join(root, file), 'utf8').replaceAll(/^(?:import|export) type [^']*'[^']*'$/gm, '')
    for (const [, path] of code.matchAll(/^(?:(?:import|export|\}) [^'\n]*'|.*\bimport\(')(\.{1,2}\/[^'\n]+\.ts)'/gm)) {
      const target = join(dirname(file), path!)
      if (globSync(target, { cwd: root }).length > 0) found.push(target)
    }
    return found
  }
  return (from, to) => {
    const seen = new Set([from])
    for (const file of seen) for (const next of importsOf(file)) seen.add(next)
    return seen.has(to)
  }
}

/** The files that match: by a part of the path, or by a glob when the pattern holds a `*`. No patterns select everything. */
export function select(files: TestFile[], { patterns: wanted, only }: Selection): TestFile[] {
  return files.filter(({ path, kind }) => {
    if (only && (kind === 'e2e') !== (only === 'e2e')) return false
    return wanted.length === 0 || wanted.some(pattern => matches(path, pattern))
  })
}

function matches(path: string, pattern: string): boolean {
  const relative = resolve('/', pattern).slice(1)
  if (!pattern.includes('*')) return path.includes(pattern.replace(/^\.\//, ''))
  const source = relative.split(/(\*\*\/|\*)/).map(part => (part === '**/' ? '(?:.*/)?' : part === '*' ? '[^/]*' : RegExp.escape(part)))
  return new RegExp(`^${source.join('')}$`).test(path)
}

/**
 * Divides the files among processes. A process costs its start, a database and the time to load the product, which its files share;
 * a crash or a hang costs the rest of its files: a few dozen each is the middle. What takes longest comes first, so that what is left at
 * the end is short and no core waits long for the other.
 */
export function plan(files: TestFile[], engine?: Engine): Chunk[] {
  const of = (kind: Kind) => files.filter(file => file.kind === kind).map(file => file.path)
  const on = (wanted: Engine) =>
    engine && engine !== wanted ? [] : [...of('engine'), ...(wanted === 'sqlite' ? of('once') : [])].toSorted()
  const onBoth = engine === 'sqlite' ? [] : files.filter(({ both }) => both).map(({ path }) => path)
  // The pages that the server sends are part of what Vite builds, so whatever starts a server needs the bundles.
  const quiet = { needsPostgres: false, needsBundles: true }
  return [
    ...chunks(of('e2e'), 8, { ...quiet, label: 'e2e', engine: 'sqlite' }),
    ...chunks(onBoth, 8, { label: 'e2e postgres', engine: 'postgres', needsPostgres: true, needsBundles: true }),
    ...chunks(on('postgres'), 30, { ...quiet, label: 'postgres', engine: 'postgres', needsPostgres: true }),
    ...chunks(on('sqlite'), 30, { ...quiet, label: 'sqlite', engine: 'sqlite' }),
    ...chunks(of('postgres'), 30, { ...quiet, label: 'databases', needsPostgres: true, needsBundles: false }),
    ...chunks(of('unit'), 40, { ...quiet, label: 'unit', needsBundles: false }),
  ]
}

function chunks(files: string[], most: number, shared: Omit<Chunk, 'files'>): Chunk[] {
  const count = Math.ceil(files.length / most)
  return Array.from({ length: count }, (_, index) => ({
    ...shared,
    label: count > 1 ? `${shared.label} ${index + 1}/${count}` : shared.label,
    // Dealt out like cards: neighbours in a folder take about as long, so every process gets some of each.
    files: files.filter((_file, position) => position % count === index),
  }))
}
