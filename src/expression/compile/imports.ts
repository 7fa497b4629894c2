/** `import`: from the registry of modules, which is all there is. */
import { raise } from '../errors.ts'
import type { Frame } from '../function.ts'
import type { Alias, Stmt } from '../syntax/ast.ts'
import { PyModule } from '../values.ts'
import { storeName } from './assign.ts'
import type { Scope } from './scope.ts'
import type { Ex } from './statements.ts'

function load(name: string, f: Frame): PyModule {
  const found = f.rt.findModule(name)
  if (found) return found
  f.rt.missingModules.push(name)
  return raise('ModuleNotFoundError', `No module named '${name}'`)
}

/** The package at the root of a dotted name, with the imported module in its place. */
function packageWith(path: string[], module: PyModule, f: Frame, prefix = ''): PyModule {
  if (path.length === 1) return module
  const name = prefix + path[0]
  const known = f.rt.findModule(name)
  const members = new Map(known?.members)
  members.set(path[1]!, packageWith(path.slice(1), module, f, `${name}.`))
  return new PyModule(name, members)
}

export function compileImport(names: Alias[], scope: Scope): Ex {
  const imports = names.map(({ name, as }) => ({
    name,
    path: as ? [name] : name.split('.'),
    store: storeName(as ?? name.split('.')[0]!, scope),
  }))
  return f => {
    for (const { name, path, store } of imports) {
      f.rt.charge(5)
      store(f, packageWith(path, load(name, f), f))
    }
    return undefined
  }
}

export function compileImportFrom(node: Extract<Stmt, { kind: 'ImportFrom' }>, scope: Scope): Ex {
  const { module, level } = node
  const names = node.names.map(({ name, as }) => ({ name, store: storeName(as ?? name, scope) }))
  if (module === '__future__') return () => undefined
  return f => {
    f.rt.charge(5)
    if (level) raise('ImportError', 'attempted relative import with no known parent package')
    const found = f.rt.findModule(module)
    for (const { name, store } of names) {
      const value = found?.members.get(name) ?? f.rt.findModule(`${module}.${name}`)
      if (value !== undefined) store(f, value)
      else if (found && found.members.has(name)) store(f, null)
      else if (!found) load(module, f)
      else {
        f.rt.missingModules.push(`${module}.${name}`)
        raise('ImportError', `cannot import name '${name}' from '${module}'`)
      }
    }
    return undefined
  }
}
