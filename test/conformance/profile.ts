import { test } from 'node:test'
import { aClient, provider, type RelyingParty } from './driver.ts'
import { MODULES, tryModule, type ModuleName, type Trial } from './modules.ts'

let clients: Promise<[RelyingParty, RelyingParty]> | undefined

/** Writes down the tests of a certification plan: each module for each response type that the plan runs it with. */
export function profile(responseTypes: readonly string[], modules: readonly ModuleName[], mode?: Trial['variant']['response_mode']): void {
  for (const name of modules) {
    for (const type of responseTypes) {
      const variant = { response_type: type, ...(mode && { response_mode: mode }) }
      void test(`${name}: ${MODULES[name].says} (${type}${mode ? ` by ${mode}` : ''})`, async () => {
        const { server } = await provider()
        const [client, other] = await (clients ??= Promise.all([aClient(), aClient()]))
        await tryModule(name, { client, other, variant, wait: seconds => server.clock.advance(seconds * 1000) })
      })
    }
  }
}
