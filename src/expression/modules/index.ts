/** The modules that every expression can import. */
import type { PyModule } from '../values.ts'

const modules = new Map<string, PyModule>()

export const findModule = (name: string): PyModule | undefined => modules.get(name)
