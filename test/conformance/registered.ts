/** A provider that clients register themselves with, and such clients, as the Dynamic OP plan plays them: they prove themselves by their keys. */
import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { decodeProtectedHeader, exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWK } from 'jose'
import type { Row } from '../../src/api/model.ts'
import { outgoingOf, useOutgoing } from '../../src/http/outgoing/client.ts'
import type { Outgoing } from '../../src/http/outgoing/outgoing.ts'
import { flowKey, pkce } from '../../src/providers/oauth2/fixture.ts'
import { aRole, aToken, unique } from '../builders.ts'
import type { Answer } from '../harness.ts'
import { aClient, aPerson, provider, REDIRECT_URI, RelyingParty, type Asked, type Person } from './driver.ts'

const JWT_BEARER = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
const PERMISSION = 'authentik_providers_oauth2.register_oauth2client'

export type Key = { privateKey: CryptoKey; jwk: JWK }

export async function aKey(alg = 'RS256'): Promise<Key> {
  const { privateKey, publicKey } = await generateKeyPair(alg)
  return { privateKey, jwk: { ...(await exportJWK(publicKey)), kid: unique('key'), use: 'sig', alg } }
}

type Host = { parent: RelyingParty; person: Person; token: string }
let hosts: Promise<Host> | undefined

/** The provider under test, somebody who may register clients with it, and their token. */
export const host = (): Promise<Host> =>
  (hosts ??= (async () => {
    const { server } = await provider()
    const parent = await aClient({ invalidation_flow: await flowKey(server.ctx, 'default-invalidation-flow') })
    const made = await server.admin.post('/api/v3/providers/oauth2-dcr/', { provider: parent.provider.pk })
    assert.equal(made.status, 201, made.text)
    const person = await aPerson()
    await person.signIn()
    await aRole(server.ctx, person.user, [PERMISSION])
    return { parent, person, token: await aToken(server.ctx, person.user) }
  })())

/** What the registration endpoint answers. */
export async function asked(metadata: Row): Promise<Answer> {
  const { parent, token } = await host()
  const path = await parent.endpoint('registration')
  const usual = { client_name: unique('client'), redirect_uris: [REDIRECT_URI], token_endpoint_auth_method: 'private_key_jwt' }
  return parent.server.client(token).post(path, { ...usual, ...metadata })
}

/** A client that registered itself. */
export class Registered {
  readonly party: RelyingParty
  readonly metadata: Row
  key: Key

  constructor(party: RelyingParty, metadata: Row, key: Key) {
    this.party = party
    this.metadata = metadata
    this.key = key
  }

  /** What proves the client. */
  assertion(claims: Row = {}): Promise<string> {
    const now = Math.floor(this.party.server.deps.now().getTime() / 1000)
    const id = String(this.metadata.client_id)
    const all = { iss: id, sub: id, aud: 'https://id.example.test/application/o/token/', iat: now, exp: now + 60, jti: unique('jti') }
    return new SignJWT({ ...all, ...claims })
      .setProtectedHeader({ alg: this.key.jwk.alg!, ...(this.key.jwk.kid !== undefined && { kid: this.key.jwk.kid }) })
      .sign(this.key.privateKey)
  }

  async token(form: Asked, claims: Row = {}): Promise<Answer> {
    const proven = { client_assertion_type: JWT_BEARER, client_assertion: await this.assertion(claims) }
    // The assertion alone says who it is (RFC 7521 §4.2).
    return this.party.token({ ...form, ...proven, client_id: undefined }, { basic: false })
  }

  /** A whole sign-in of the registrant: tokens whose ID token was found right. */
  async signIn(params: Asked = {}, options: { claims?: Row; redirectUri?: string } = {}) {
    const { person } = await host()
    const pair = pkce()
    const redirect_uri = options.redirectUri ?? REDIRECT_URI
    const challenge = { code_challenge: pair.challenge, code_challenge_method: 'S256' }
    const ending = await this.party.ask(person, { redirect_uri, ...challenge, ...params })
    assert.ok(ending.callback, String(ending.page?.text))
    const { parameters } = ending.callback
    assert.equal(parameters.get('error'), null, parameters.toString())
    const form = { grant_type: 'authorization_code', code: parameters.get('code')!, redirect_uri, code_verifier: pair.verifier }
    const { status, body, text } = await this.token(form, options.claims)
    assert.equal(status, 200, text)
    const claims = await this.party.idToken(body.id_token, { nonce: ending.sent.get('nonce') })
    return {
      parameters,
      tokens: body as Row & { access_token: string; id_token: string },
      claims,
      header: decodeProtectedHeader(String(body.id_token)),
    }
  }
}

/** Registers a client; its keys stand in its metadata unless `metadata` says where they are. */
export async function aRegisteredClient(metadata: Row = {}, key?: Key): Promise<Registered> {
  const own = key ?? (await aKey())
  return registeredBy(await asked({ ...(metadata.jwks_uri === undefined && { jwks: { keys: [own.jwk] } }), ...metadata }), own)
}

/** The client that an answer tells of. */
export async function registeredBy(answer: Answer, own: Key): Promise<Registered> {
  assert.equal(answer.status, 201, answer.text)
  assert.match(String(answer.headers['content-type']), /^application\/json/) // RFC 7591 §3.2.1
  assert.match(String(answer.headers['cache-control']), /no-store/)
  const { parent } = await host()
  // `VerifyClientManagementCredentials`: a client that is told where it can manage itself is told with what (RFC 7592 §3).
  assert.match(String(answer.body.registration_client_uri), /^https:\/\/[^#]+$/)
  assert.match(String(answer.body.registration_access_token), /^[\w.~+/-]{22,}=*$/)
  assert.ok(Number.isInteger(answer.body.client_id_issued_at))
  if (answer.body.client_secret !== undefined) {
    assert.match(String(answer.body.client_secret), /^[\u0020-\u007e]{32,}$/)
    assert.equal(answer.body.client_secret_expires_at, 0) // RFC 7591 §3.2.1
  }
  const { results } = (await parent.server.admin.get(`/api/v3/providers/oauth2/?client_id=${String(answer.body.client_id)}`)).body
  // It believes what it learned from the discovery document of the application that it registered with.
  return new Registered(new RelyingParty(parent.server, results[0] as Row, parent.application), answer.body as Row, own)
}

let usual: Outgoing | undefined

/** What stands at addresses of clients, for the length of a test; what it publishes later counts. */
export async function publishing(t: TestContext, at: (url: string) => string | undefined): Promise<void> {
  const { config } = (await provider()).server.deps
  usual ??= outgoingOf(config)
  const before = usual
  t.after(() => {
    useOutgoing(config, before)
    usual = undefined
  })
  useOutgoing(config, async url => {
    const text = at(url)
    const body = new TextEncoder().encode(text ?? '')
    return { status: text === undefined ? 404 : 200, reason: '', headers: {}, body, url, history: [], elapsed: 1 }
  })
}
