import { aPerson, provider } from './driver.ts'
import { aFapiClient, type FapiClient } from './fapi.ts'
import type { SECURITY_PROFILE } from './fapi-modules.ts'
import type { Test } from './profile.ts'

/** The tests of a FAPI 2.0 plan for one variant. */
export function fapiProfile(modules: typeof SECURITY_PROFILE, variant: { signed: boolean; jarm: boolean }, says: string): Test[] {
  let clients: Promise<[FapiClient, FapiClient]> | undefined
  return Object.entries(modules).map(([name, module]) => [
    `fapi2-security-profile-final-${name}: ${module.says} (${says})`,
    async () => {
      const { server } = await provider()
      server.clock.reset()
      const [client, other] = await (clients ??= Promise.all([aFapiClient(variant), aFapiClient(variant)]))
      const person = await aPerson()
      await person.signIn()
      await module.run({ client, other, person })
    },
  ])
}
