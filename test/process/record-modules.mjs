/** Loaded into a program before its own code: at its end, the file that LOADED_MODULES names lists what was loaded, one a line. */
import { writeFileSync } from 'node:fs'
import { registerHooks } from 'node:module'

const loaded = new Set()
registerHooks({
  load(url, context, nextLoad) {
    loaded.add(url)
    return nextLoad(url, context)
  },
})
process.on('exit', () => writeFileSync(process.env.LOADED_MODULES, [...loaded, ...process.moduleLoadList].join('\n')))
