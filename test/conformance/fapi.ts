/**
 * A client that keeps the FAPI 2.0 Security Profile, as the suite plays it: it proves itself by a key, pushes its requests and binds its tokens
 * to another key. With `signed` it keeps Message Signing too: requests are signed, and responses come signed.
 */
import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { calculateJwkThumbprint, createLocalJWKSet, exportJWK, generateKeyPair, jwtVerify, SignJWT, type CryptoKey, type JWK } from 'jose'
import type { Row } from '../../src/api/model.ts'
import { pkce, type Verifier } from '../../src/providers/oauth2/fixture.ts'
import { unique } from '../builders.ts'
import { HOST, type Answer } from '../harness.ts'
import { aClient, provider, REDIRECT_URI, type Asked, type Ending, type Person, type RelyingParty } from './driver.ts'

const JWT_BEARER = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

type Key = { privateKey: CryptoKey; jwk: JWK }

export async function aKey(alg: string): Promise<Key> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true })
  return { privateKey, jwk: { ...(await exportJWK(publicKey)), kid: unique('key'), use: 'sig' } }
}

const present = (claims: Row): Row => Object.fromEntries(Object.entries(claims).filter(([, value]) => value !== undefined))

/** What a test changes of a JWT. `undefined` takes a claim out. */
export type Change = { claims?: Row; header?: Row; key?: CryptoKey | Uint8Array }

/** One request on its way: what was sent ahead, and what goes with the code. */
export type Sent = { answer: Answer; parameters: URLSearchParams; pair: Verifier }

export class FapiClient {
  readonly party: RelyingParty
  readonly key: Key
  readonly dpop: Key
  readonly signed: boolean
  readonly jarm: boolean

  constructor(party: RelyingParty, key: Key, dpop: Key, { signed, jarm }: { signed: boolean; jarm: boolean }) {
    this.party = party
    this.key = key
    this.dpop = dpop
    this.signed = signed
    this.jarm = jarm
  }

  get now(): number {
    return Math.floor(this.party.server.deps.now().getTime() / 1000)
  }

  /** Seconds pass. */
  wait(seconds: number): void {
    this.party.server.clock.advance(seconds * 1000)
  }

  /** What proves the client. */
  assertion({ claims, header, key }: Change = {}): Promise<string> {
    const { clientId: id, issuer } = this.party
    const all = { iss: id, sub: id, aud: issuer, iat: this.now, exp: this.now + 60, jti: unique('jti'), ...claims }
    return new SignJWT(present(all))
      .setProtectedHeader({ alg: 'ES256', kid: this.key.jwk.kid!, ...header })
      .sign(key ?? this.key.privateKey)
  }

  /** What proves the key that tokens are bound to. */
  proof(endpoint: string, { claims, header, key }: Change = {}, by: Key = this.dpop): Promise<string> {
    const { kid: _kid, use: _use, ...jwk } = by.jwk
    const htu = `https://${HOST}/application/o/${endpoint}/`
    return new SignJWT(present({ jti: unique('jti'), htm: 'POST', htu, iat: this.now, ...claims }))
      .setProtectedHeader({ alg: 'ES256', typ: 'dpop+jwt', jwk, ...header })
      .sign(key ?? by.privateKey)
  }

  /** A request as a signed object, RFC 9101. */
  object(params: Row, { claims, header, key }: Change = {}): Promise<string> {
    const { clientId: id, issuer } = this.party
    const all = { ...params, iss: id, aud: issuer, client_id: id, nbf: this.now, exp: this.now + 300, ...claims }
    return new SignJWT(present(all))
      .setProtectedHeader({ alg: 'ES256', typ: 'oauth-authz-req+jwt', kid: this.key.jwk.kid!, ...header })
      .sign(key ?? this.key.privateKey)
  }

  /** Sends a request ahead, RFC 9126; `undefined` leaves a parameter out. */
  async push(
    params: Asked = {},
    options: { assertion?: Change; object?: Change; plain?: boolean; outside?: Asked; proof?: string } = {},
  ): Promise<Sent> {
    const pair = pkce()
    const all = present({
      response_type: 'code',
      redirect_uri: REDIRECT_URI,
      scope: 'openid profile',
      state: randomBytes(8).toString('hex'),
      nonce: randomBytes(8).toString('hex'),
      code_challenge: pair.challenge,
      code_challenge_method: 'S256',
      response_mode: this.jarm ? 'jwt' : undefined,
      ...params,
    }) as Record<string, string>
    const form = this.signed && options.plain !== true ? { request: await this.object(all, options.object) } : all
    const proven = { client_assertion_type: JWT_BEARER, client_assertion: await this.assertion(options.assertion) }
    const headers: Record<string, string> = options.proof === undefined ? {} : { dpop: options.proof }
    const answer = await this.party.post('par', { ...form, ...proven, ...options.outside }, { basic: false, headers })
    return { answer, parameters: new URLSearchParams(all), pair }
  }

  /** Takes a pushed request to the authorization endpoint and on to its end. */
  async go(person: Person, { answer, parameters }: Sent, more: Record<string, string> = {}): Promise<Ending> {
    assert.equal(answer.status, 201, answer.text)
    return this.visit(person, { client_id: this.party.clientId, request_uri: answer.body.request_uri, ...more }, parameters)
  }

  /** Opens the authorization endpoint. */
  async visit(person: Person, query: Record<string, string>, sent = new URLSearchParams()): Promise<Ending> {
    const path = await this.party.endpoint('authorization')
    return person.follow(await person.browser.get(`${path}?${new URLSearchParams(query).toString()}`), sent)
  }

  /** The parameters of a response, in whichever form it came, with what holds for every one of them. */
  async response({ callback, page, sent }: Ending): Promise<URLSearchParams> {
    assert.ok(callback, `a page instead of a response: ${page?.status} ${page?.text.replaceAll(/<[^>]*>/g, ' ').slice(0, 300)}`)
    const parameters = this.jarm ? await this.#opened(callback.parameters) : callback.parameters
    assert.equal(parameters.get('iss'), this.party.issuer)
    assert.equal(parameters.get('state'), sent.get('state'))
    return parameters
  }

  /** JARM §2.4. */
  async #opened(parameters: URLSearchParams): Promise<URLSearchParams> {
    assert.deepEqual([...parameters.keys()], ['response'])
    const { payload, protectedHeader } = await jwtVerify(parameters.get('response')!, await this.keys(), {
      issuer: this.party.issuer,
      audience: this.party.clientId,
      requiredClaims: ['exp'],
      currentDate: this.party.server.deps.now(),
    })
    assert.ok(['PS256', 'ES256', 'EdDSA'].includes(protectedHeader.alg))
    const { aud: _aud, exp: _exp, ...rest } = payload
    return new URLSearchParams(rest as Record<string, string>)
  }

  async keys() {
    return createLocalJWKSet((await this.party.server.client().get(await this.party.endpoint('jwks_uri'))).body)
  }

  /** Asks for tokens; `undefined` leaves a parameter out. */
  async redeem(
    form: Asked,
    options: { assertion?: Change; proof?: Change | null; by?: Key; headers?: Record<string, string> } = {},
  ): Promise<Answer> {
    const proven = { client_assertion_type: JWT_BEARER, client_assertion: await this.assertion(options.assertion) }
    const proof: Record<string, string> = options.proof === null ? {} : { dpop: await this.proof('token', options.proof ?? {}, options.by) }
    return this.party.token({ ...proven, ...form }, { basic: false, headers: { ...proof, ...options.headers } })
  }

  /** The form that redeems the code of a response. */
  form(code: string | null, { pair }: Pick<Sent, 'pair'>, more: Asked = {}): Asked {
    assert.ok(code)
    return { grant_type: 'authorization_code', code, redirect_uri: REDIRECT_URI, code_verifier: pair.verifier, ...more }
  }

  /** As far as the code. */
  async code(person: Person, params: Asked = {}, options: Parameters<FapiClient['push']>[1] = {}) {
    const sent = await this.push(params, options)
    const response = await this.response(await this.go(person, sent))
    assert.equal(response.get('error'), null, response.toString())
    return { sent, code: response.get('code') }
  }

  /** A whole sign-in, to the resource. */
  async signIn(
    person: Person,
    params: Asked = {},
    options: Parameters<FapiClient['push']>[1] = {},
  ): Promise<Row & { access_token: string }> {
    const { sent, code } = await this.code(person, params, options)
    const { status, body, text } = await this.redeem(this.form(code, sent))
    assert.equal(status, 200, text)
    assert.equal(body.token_type, 'DPoP')
    const { payload, protectedHeader } = await jwtVerify(body.id_token, await this.keys(), {
      issuer: this.party.issuer,
      audience: this.party.clientId,
      currentDate: this.party.server.deps.now(),
    })
    assert.ok(['PS256', 'ES256', 'EdDSA'].includes(protectedHeader.alg), protectedHeader.alg)
    assert.equal(payload.nonce ?? null, sent.parameters.get('nonce'))
    assert.equal((await this.resource(body.access_token)).status, 200)
    return { ...body, claims: payload }
  }

  /** Calls a protected resource with a token. */
  async resource(token: string, change: Change = {}, scheme = 'DPoP'): Promise<Answer> {
    const ath = createHash('sha256').update(token).digest('base64url')
    const dpop = await this.proof('userinfo', { ...change, claims: { htm: 'GET', ath, ...change.claims } })
    const headers = { authorization: `${scheme} ${token}`, dpop }
    return this.party.server.client().request('GET', '/application/o/userinfo/', { headers })
  }

  thumbprint(): Promise<string> {
    return calculateJwkThumbprint(this.dpop.jwk)
  }
}

/** A client that is registered for the profile. */
export async function aFapiClient(variant: { signed: boolean; jarm: boolean } = { signed: false, jarm: false }): Promise<FapiClient> {
  const { server } = await provider()
  const party = await aClient()
  const [key, dpop] = [await aKey('ES256'), await aKey('ES256')]
  const made = await server.admin.post('/api/v3/signet/oauth2_clients/', {
    provider: party.provider.pk,
    security_profile: 'fapi2',
    token_endpoint_auth_method: 'private_key_jwt',
    jwks: { keys: [key.jwk] },
    dpop_bound_access_tokens: true,
    require_signed_request_object: variant.signed,
  })
  assert.equal(made.status, 201, made.text)
  return new FapiClient(party, key, dpop, variant)
}
