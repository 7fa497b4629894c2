import type { Config } from '../../config.ts'
import { makeOutgoing, type Outgoing } from './outgoing.ts'

const clients = new WeakMap<Config, Outgoing>()

/** The one way out of an installation, with what its operator allows. */
export function outgoingOf(config: Config): Outgoing {
  let client = clients.get(config)
  if (!client) clients.set(config, (client = makeOutgoing(config.outgoing_allow, { timeout: config.http_timeout * 1000 })))
  return client
}

/** Gives an installation another way out: tests stay on this machine. */
export const useOutgoing = (config: Config, client: Outgoing): void => void clients.set(config, client)
