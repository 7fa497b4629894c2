import { aClient, provider, type RelyingParty } from './driver.ts'
import { MODULES, tryModule, type ModuleName, type Trial } from './modules.ts'

let clients: Promise<[RelyingParty, RelyingParty]> | undefined

/** A test: its name, and what it does. The file that holds a plan registers them, so that they count as its own. */
export type Test = readonly [name: string, run: () => Promise<void>]

/** The tests of a certification plan: each module for each response type that the plan runs it with. */
export function profile(
  responseTypes: readonly string[],
  modules: readonly ModuleName[],
  mode?: Trial['variant']['response_mode'],
): Test[] {
  return modules.flatMap(name =>
    responseTypes.map((type): Test => {
      const variant = { response_type: type, ...(mode && { response_mode: mode }) }
      return [
        `${name}: ${MODULES[name].says} (${type}${mode ? ` by ${mode}` : ''})`,
        async () => {
          const { server } = await provider()
          const [client, other] = await (clients ??= Promise.all([aClient(), aClient()]))
          await tryModule(name, { client, other, variant, wait: seconds => server.clock.advance(seconds * 1000) })
        },
      ]
    }),
  )
}
