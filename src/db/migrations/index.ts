import type { Migration } from '../migrate.ts'
import { up as core } from './20261122T0100_core.ts'
import { up as access } from './20261122T0200_access.ts'
import { up as oauth2 } from './20261122T0300_oauth2.ts'

/** All migrations, oldest first. Listed by hand: the program is bundled into one file, where there is no folder to read. */
export const migrations: readonly Migration[] = [
  { name: '20261122T0100_core', up: core },
  { name: '20261122T0200_access', up: access },
  { name: '20261122T0300_oauth2', up: oauth2 },
]
