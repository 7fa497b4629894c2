import { aPerson, provider } from './driver.ts'
import type { FapiClient, Variant } from './fapi.ts'
import { aFapiClient } from './fapi-registered.ts'
import type { FapiModule } from './fapi-module.ts'
import type { Test } from './profile.ts'

/** How the names of tests tell a variant. */
export const said = ({ auth, bound, openid, alg, signed, jarm, shared }: Variant): string =>
  [
    auth === 'private_key_jwt' ? 'private_key_jwt' : `mtls by ${auth === 'tls_client_auth' ? 'name' : 'key'}`,
    bound,
    openid ? 'openid_connect' : 'plain_oauth',
    alg,
    ...(signed ? ['signed requests'] : []),
    ...(jarm ? [`JARM ${jarm}`] : []),
    ...(shared ? ['one issuer'] : []),
  ].join(', ')

/** The tests of a FAPI 2.0 plan for one variant: the modules that apply to it. */
export function fapiProfile(modules: Readonly<Record<string, FapiModule>>, variant: Variant): Test[] {
  let clients: Promise<[FapiClient, FapiClient]> | undefined
  return Object.entries(modules)
    .filter(([, { where }]) => where === undefined || where(variant))
    .map(([name, module]) => [
      `fapi2-security-profile-final-${name}: ${module.says} (${said(variant)})`,
      async () => {
        const { server } = await provider()
        server.clock.reset()
        const [client, other] = await (clients ??= Promise.all([aFapiClient(variant), aFapiClient(variant, 'second')]))
        const person = await aPerson()
        await person.signIn()
        await module.run({ client, other, person })
      },
    ])
}
