/**
 * Whether files import each other in a circle: values that do so depend on which file happens to be read first, and such files
 * cannot be understood one after the other. Imports of types are no part of it: they are gone when the program runs.
 *
 *     npm run check -- cycles
 */
import { globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

/** Where a circle is the shape of the thing itself: the grammars of expressions and patterns hold themselves. */
const GRAMMARS = ['src/expression/compile/', 'src/expression/regex/parse']

/** `import` and `export … from` of values by a relative path. */
const IMPORT = /^(?:import|export)\s+(?!type\b)(?:[^'"]*?from\s+)?['"](\.[^'"]+)['"]/gm

const files = globSync(['src', 'test', 'bench', 'scripts', 'web'].map(folder => `${folder}/**/*.{ts,tsx,mjs}`)).filter(
  file => !file.includes('node_modules'),
)
const known = new Set(files)
const imports = new Map(
  files.map(file => [
    file,
    [...readFileSync(file, 'utf8').matchAll(IMPORT)].map(([, path]) => join(dirname(file), path!)).filter(target => known.has(target)),
  ]),
)

/** Each circle once, beginning with the file that was met first. */
function circles(): string[][] {
  const found: string[][] = []
  const done = new Set<string>()
  const way: string[] = []
  const walk = (file: string): void => {
    const begins = way.indexOf(file)
    if (begins >= 0) return void found.push(way.slice(begins))
    if (done.has(file)) return
    way.push(file)
    for (const target of imports.get(file)!) walk(target)
    way.pop()
    done.add(file)
  }
  for (const file of files) walk(file)
  return found
}

const wrong = circles().filter(circle => !GRAMMARS.some(grammar => circle.every(file => file.startsWith(grammar))))
for (const circle of wrong) console.error(`a circle of imports: ${[...circle, circle[0]].join(' → ')}`)
if (wrong.length > 0) process.exitCode = 1
