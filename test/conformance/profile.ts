import { aClient, provider, type RelyingParty } from './driver.ts'
import { MODULES, tryModule, type ModuleName, type Trial } from './modules.ts'

/** The client that a plan is run with, and the second one that some of its modules want. */
export type Clients = () => Promise<[RelyingParty, RelyingParty]>

let clients: Promise<[RelyingParty, RelyingParty]> | undefined
const usualClients: Clients = () => (clients ??= Promise.all([aClient(), aClient()]))

/** A test: its name, and what it does. The file that holds a plan registers them, so that they count as its own. */
export type Test = readonly [name: string, run: () => Promise<void>]

/** The tests of a certification plan: each module for each response type that the plan runs it with. */
export function profile(
  responseTypes: readonly string[],
  modules: readonly ModuleName[],
  mode?: Trial['variant']['response_mode'],
  by: { says: string; clients: Clients } = { says: '', clients: usualClients },
): Test[] {
  return modules.flatMap(name =>
    responseTypes.map((type): Test => {
      const variant = { response_type: type, ...(mode && { response_mode: mode }) }
      const how = [type, ...(mode ? [`by ${mode}`] : []), ...(by.says ? [by.says] : [])].join(', ')
      return [
        `${name}: ${MODULES[name].says} (${how})`,
        async () => {
          const { server } = await provider()
          const [client, other] = await by.clients()
          await tryModule(name, { client, other, variant, wait: seconds => server.clock.advance(seconds * 1000) })
        },
      ]
    }),
  )
}
