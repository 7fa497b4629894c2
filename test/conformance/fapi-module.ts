/** What the modules of the FAPI 2.0 plans are made of. */
import assert from 'node:assert/strict'
import type { Answer } from '../harness.ts'
import type { Person } from './driver.ts'
import { keyOf } from './fapi-keys.ts'
import { refused, type Change, type FapiClient, type Variant } from './fapi.ts'

export type Trial = { client: FapiClient; other: FapiClient; person: Person }
export type FapiModule = {
  says: string
  /** Variants that it is for; undefined: all. */
  where?: (variant: Variant) => boolean
  run: (trial: Trial) => Promise<void>
}

export const byProof = ({ bound }: Variant): boolean => bound === 'dpop'
export const byAssertion = ({ auth }: Variant): boolean => auth === 'private_key_jwt'
export const withOpenId = ({ openid }: Variant): boolean => openid
export const whereSigned = ({ signed }: Variant): boolean => signed === true

/** The person sees a page, and the client nothing, or an error. */
export async function endsBadly(client: FapiClient, ending: Awaited<ReturnType<FapiClient['go']>>, ...errors: string[]): Promise<void> {
  if (!ending.callback) return assert.ok(ending.page!.status >= 400)
  const error = (await client.response(ending)).get('error')
  assert.ok(error !== null && (errors.length === 0 || errors.includes(error)), String(error))
}

export const signsIn = (params: Record<string, string | undefined>, says: string, where?: FapiModule['where']): FapiModule => ({
  says,
  ...(where && { where }),
  run: async ({ client, person }) => void (await client.signIn(person, params)),
})

/** A push whose assertion is wrong. */
export const badAssertion = (says: string, change: (client: FapiClient) => Promise<Change> | Change): FapiModule => ({
  says,
  where: byAssertion,
  run: async ({ client }) => refused(await client.push({}, { assertion: await change(client) }), 'invalid_client'),
})

/** A push whose request object is wrong. */
export const badObject = (says: string, change: (client: FapiClient) => Promise<Change> | Change): FapiModule => ({
  says,
  where: whereSigned,
  run: async ({ client }) => refused(await client.push({}, { object: await change(client) }), 'invalid_request_object'),
})

export const pushRefused = (says: string, params: Record<string, string | undefined>, ...errors: string[]): FapiModule => ({
  says,
  run: async ({ client }) => refused(await client.push(params), ...errors),
})

export const at =
  (seconds: number, ...names: string[]) =>
  (client: FapiClient): Change => ({
    claims: Object.fromEntries(names.map(name => [name, client.now + seconds])),
  })

export const rsa = async (): Promise<Change> => ({ key: (await keyOf('RS256', 'stranger')).privateKey, header: { alg: 'RS256' } })

/** Tokens for a code, with another form than is right. */
export async function buys(client: FapiClient, person: Person, more: Record<string, string | undefined>): Promise<Answer> {
  const { sent, code } = await client.code(person)
  return client.redeem(client.form(code, sent, more))
}

export const asAudience = (endpoint: string, list = false): FapiModule =>
  badAssertion(`an assertion for ${list ? 'a list of addresses' : `the ${endpoint} endpoint`} proves nothing`, ({ party }) => {
    const address = `https://id.example.test/application/o/${endpoint}/`
    return { claims: { aud: list ? [address, party.issuer] : address } }
  })
