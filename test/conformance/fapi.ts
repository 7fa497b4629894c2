/**
 * A client that keeps the FAPI 2.0 Security Profile, as the suite plays it: it proves itself by a key or by a certificate, pushes its requests and
 * binds its tokens to a key or to its certificate. It keeps Message Signing too where requests are signed, and responses come as JWTs.
 */
import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { calculateJwkThumbprint, compactDecrypt, createLocalJWKSet, jwtVerify, SignJWT, type CryptoKey } from 'jose'
import type { Row } from '../../src/api/model.ts'
import { pkce, type Verifier } from '../../src/providers/oauth2/fixture.ts'
import { unique } from '../builders.ts'
import type { Certified } from '../certificates.ts'
import { HOST, type Answer } from '../harness.ts'
import { CERTIFICATE_HEADER, chance, soundError, type Asked, type Ending, type Person, type RelyingParty } from './driver.ts'
import { sealingKey, type Key } from './fapi-keys.ts'

const JWT_BEARER = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

/** What a plan is run with. */
export type Variant = {
  /** `client_auth_type`; a certificate is known by its key, or by its name and its authority. */
  auth: 'private_key_jwt' | 'self_signed_tls_client_auth' | 'tls_client_auth'
  /** `sender_constrain`. */
  bound: 'dpop' | 'mtls'
  /** `openid_connect`, or else `plain_oauth`. */
  openid: boolean
  /** By which everything is signed, on both sides. */
  alg: 'ES256' | 'PS256' | 'EdDSA'
  /** `fapi_request_method`. */
  signed?: boolean
  /** `fapi_response_mode`. */
  jarm?: 'signed' | 'encrypted'
  /** Both clients belong to the issuer of the installation, as an operator has it who lets the suite read one discovery document. */
  shared?: boolean
}

/** How a proof names the token that it goes with, RFC 9449 §4.2. */
export const ath = (token: string): string => createHash('sha256').update(token).digest('base64url')

const present = (claims: Row): Row => Object.fromEntries(Object.entries(claims).filter(([, value]) => value !== undefined))

/** What a test changes of a JWT. `undefined` takes a claim out. */
export type Change = { claims?: Row; header?: Row; key?: CryptoKey | Uint8Array }

/** One request on its way: what was sent ahead, and what goes with the code. */
export type Sent = { answer: Answer; parameters: URLSearchParams; pair: Verifier }

type PushOptions = { assertion?: Change; object?: Change; plain?: boolean; outside?: Asked; proof?: string }

export class FapiClient {
  readonly party: RelyingParty
  readonly variant: Variant
  readonly key: Key
  readonly dpop: Key
  readonly certificate: Certified
  readonly redirectUri: string

  constructor(party: RelyingParty, variant: Variant, own: { key: Key; dpop: Key; certificate: Certified }, redirectUri: string) {
    this.party = party
    this.variant = variant
    this.key = own.key
    this.dpop = own.dpop
    this.certificate = own.certificate
    this.redirectUri = redirectUri
  }

  /** Scopes of an ordinary request. */
  get scope(): string {
    return this.variant.openid ? 'openid profile' : 'profile user:email'
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
      .setProtectedHeader({ alg: this.variant.alg, kid: this.key.jwk.kid!, ...header })
      .sign(key ?? this.key.privateKey)
  }

  /** The parameters that prove the client. An assertion names it, a certificate does not. */
  async #proven(change?: Change): Promise<Asked> {
    if (this.variant.auth !== 'private_key_jwt') return {}
    return { client_id: undefined, client_assertion_type: JWT_BEARER, client_assertion: await this.assertion(change) }
  }

  /** What the proxy in front tells of the connection. */
  #shown(certificate: Certified | null = this.certificate): Record<string, string> {
    const { auth, bound } = this.variant
    if (certificate === null || (auth === 'private_key_jwt' && bound === 'dpop')) return {}
    return { [CERTIFICATE_HEADER]: encodeURIComponent(certificate.certificate) }
  }

  /** What proves the key that tokens are bound to. */
  proof(endpoint: string, { claims, header, key }: Change = {}, by: Key = this.dpop): Promise<string> {
    const { kid: _kid, use: _use, ...jwk } = by.jwk
    const htu = endpoint.startsWith('https:') ? endpoint : `https://${HOST}/application/o/${endpoint}/`
    return new SignJWT(present({ jti: unique('jti'), htm: 'POST', htu, iat: this.now, ...claims }))
      .setProtectedHeader(present({ alg: this.variant.alg, typ: 'dpop+jwt', jwk, ...header }) as { alg: string })
      .sign(key ?? by.privateKey)
  }

  /** A request as a signed object, RFC 9101. The second client of the suite says of what type it is and when it was made, the first does not. */
  object(params: Row, { claims, header, key }: Change = {}): Promise<string> {
    const { clientId: id, issuer } = this.party
    const second = this.redirectUri.includes('?')
    const made = second ? { iat: this.now } : {}
    const all = { ...params, iss: id, aud: issuer, client_id: id, ...made, nbf: this.now, exp: this.now + 300, ...claims }
    const type = second ? { typ: 'oauth-authz-req+jwt' } : {}
    return new SignJWT(present(all))
      .setProtectedHeader({ alg: this.variant.alg, ...type, kid: this.key.jwk.kid!, ...header })
      .sign(key ?? this.key.privateKey)
  }

  /** Sends a request ahead, RFC 9126; `undefined` leaves a parameter out. */
  async push(params: Asked = {}, options: PushOptions = {}): Promise<Sent> {
    const pair = pkce()
    const all = present({
      response_type: 'code',
      redirect_uri: this.redirectUri,
      scope: `${this.scope} offline_access`, // as `docs/certification.md` has it: without consent that was asked for, it changes nothing
      state: randomBytes(8).toString('hex'),
      nonce: this.variant.openid ? randomBytes(8).toString('hex') : undefined,
      code_challenge: pair.challenge,
      code_challenge_method: 'S256',
      response_mode: this.variant.jarm ? 'jwt' : undefined,
      ...params,
    }) as Record<string, string>
    const asClaims = { ...all, ...(all.claims !== undefined && { claims: JSON.parse(all.claims) as Row }) } // in an object it is one, too
    const form = this.variant.signed && options.plain !== true ? { request: await this.object(asClaims, options.object) } : all
    const headers: Record<string, string> = { ...this.#shown(), ...(options.proof !== undefined && { dpop: options.proof }) }
    const proven = await this.#proven(options.assertion)
    const id = form === all ? { client_id: this.party.clientId } : {} // one of the parameters, or in the object
    const answer = await this.party.post('par', { ...form, ...proven, ...id, ...options.outside }, { basic: false, headers })
    return { answer, parameters: new URLSearchParams(all), pair }
  }

  /** Takes a pushed request to the authorization endpoint and on to its end. */
  async go(person: Person, { answer, parameters }: Sent, more: Record<string, string> = {}): Promise<Ending> {
    assert.equal(answer.status, 201, answer.text)
    assert.match(String(answer.headers['cache-control']), /no-store/) // RFC 9126 §2.2
    assert.match(String(answer.headers['content-type']), /^application\/json/)
    assert.ok(chance(answer.body.request_uri) > 128)
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
    assert.equal(callback.by, 'query')
    const all = new URLSearchParams(callback.parameters)
    for (const [name, value] of new URL(this.redirectUri).searchParams) {
      assert.deepEqual(all.getAll(name), [value], 'the query of the address stays as it was')
      all.delete(name)
    }
    const parameters = this.variant.jarm ? await this.#opened(all) : all
    assert.equal(parameters.get('iss'), this.party.issuer)
    assert.equal(parameters.get('state'), sent.get('state'))
    const known = ['code', 'state', 'iss', 'session_state', 'error', 'error_description']
    for (const name of parameters.keys()) assert.ok(known.includes(name), name)
    const code = parameters.get('code')
    if (code !== null) assert.ok(chance(code) > 128)
    return parameters
  }

  /** JARM §2.4. */
  async #opened(parameters: URLSearchParams): Promise<URLSearchParams> {
    assert.deepEqual([...parameters.keys()], ['response'])
    let jws = parameters.get('response')!
    if (this.variant.jarm === 'encrypted') {
      const { privateKey, jwk } = await sealingKey()
      const { plaintext, protectedHeader } = await compactDecrypt(jws, privateKey)
      assert.partialDeepStrictEqual(protectedHeader, { alg: 'RSA-OAEP-256', enc: 'A256GCM', kid: jwk.kid, cty: 'JWT' })
      jws = new TextDecoder().decode(plaintext)
    }
    const { payload, protectedHeader } = await jwtVerify(jws, await this.keys(), {
      issuer: this.party.issuer,
      audience: this.party.clientId,
      requiredClaims: ['exp'],
      currentDate: this.party.server.deps.now(),
    })
    assert.equal(protectedHeader.alg, this.variant.alg)
    assert.ok(protectedHeader.kid)
    assert.ok(payload.exp! - this.now <= 600) // JARM §2.1
    const { aud: _aud, exp: _exp, ...rest } = payload
    return new URLSearchParams(rest as Record<string, string>)
  }

  async keys() {
    return createLocalJWKSet((await this.party.server.client().get(await this.party.endpoint('jwks_uri'))).body)
  }

  /** Asks for tokens; `undefined` leaves a parameter out, null the proof of what they are bound to. */
  async redeem(
    form: Asked,
    options: {
      assertion?: Change
      proof?: Change | null
      by?: Key
      certificate?: Certified | null
      headers?: Record<string, string>
    } = {},
  ): Promise<Answer> {
    const byKey = this.variant.bound === 'dpop'
    const dpop: Record<string, string> =
      byKey && options.proof !== null ? { dpop: await this.proof('token', options.proof ?? {}, options.by) } : {}
    const headers = { ...this.#shown(!byKey && options.proof === null ? null : options.certificate), ...dpop, ...options.headers }
    return this.party.token({ ...(await this.#proven(options.assertion)), ...form }, { basic: false, headers })
  }

  /** The form that redeems the code of a response. */
  form(code: string | null, { pair }: Pick<Sent, 'pair'>, more: Asked = {}): Asked {
    assert.ok(code)
    return { grant_type: 'authorization_code', code, redirect_uri: this.redirectUri, code_verifier: pair.verifier, ...more }
  }

  /** As far as the code. */
  async code(person: Person, params: Asked = {}, options: PushOptions = {}) {
    const sent = await this.push(params, options)
    const response = await this.response(await this.go(person, sent))
    assert.equal(response.get('error'), null, response.toString())
    return { sent, code: response.get('code') }
  }

  /** What holds for every answer with tokens (RFC 6749 §5.1); the claims of the ID token, where there is one. */
  async accepted({ status, body, text, headers }: Answer, nonce: string | null = null): Promise<Row & { access_token: string }> {
    assert.equal(status, 200, text)
    assert.match(String(headers['cache-control']), /no-store/)
    assert.match(String(headers['content-type']), /^application\/json/)
    assert.equal(body.token_type, this.variant.bound === 'dpop' ? 'DPoP' : 'Bearer')
    assert.ok(Number.isInteger(body.expires_in) && body.expires_in > 0)
    assert.match(body.access_token, /^[\u0020-\u007e]{43,}$/)
    for (const token of [body.access_token, ...(body.refresh_token === undefined ? [] : [body.refresh_token])])
      assert.ok(chance(token) > 128)
    if (!this.variant.openid) {
      assert.ok(!('id_token' in body), 'nobody asked who it is')
      return body as Row & { access_token: string }
    }
    const { payload, protectedHeader } = await jwtVerify(body.id_token, await this.keys(), {
      issuer: this.party.issuer,
      audience: this.party.clientId,
      currentDate: this.party.server.deps.now(),
      requiredClaims: ['sub', 'iat', 'exp'],
    })
    assert.equal(protectedHeader.alg, this.variant.alg)
    assert.ok(protectedHeader.kid)
    assert.equal(payload.nonce ?? null, nonce)
    return { ...body, claims: payload }
  }

  /** A whole sign-in, to the resource. */
  async signIn(person: Person, params: Asked = {}, options: PushOptions = {}): Promise<Row & { access_token: string }> {
    const { sent, code } = await this.code(person, params, options)
    const tokens = await this.accepted(await this.redeem(this.form(code, sent)), sent.parameters.get('nonce'))
    const answer = await this.resource(tokens.access_token)
    assert.equal(answer.status, 200, answer.text)
    return tokens
  }

  /** Where tokens are of use: without OpenID Connect, at the endpoint for GitHub's clients. */
  get resourcePath(): string {
    return this.variant.openid ? '/application/o/userinfo/' : '/user'
  }

  /** Calls a protected resource with a token. */
  async resource(
    token: string,
    change: Change = {},
    options: { scheme?: string; by?: Key; headers?: Asked; certificate?: Certified | null; query?: string } = {},
  ): Promise<Answer> {
    const htu = `https://${HOST}${this.resourcePath}`
    const bound: Record<string, string> =
      this.variant.bound === 'dpop'
        ? { dpop: await this.proof(htu, { ...change, claims: { htm: 'GET', ath: ath(token), ...change.claims } }, options.by) }
        : this.#shown(options.certificate)
    const scheme = options.scheme ?? (this.variant.bound === 'dpop' ? 'DPoP' : 'Bearer')
    const headers = present({ authorization: `${scheme} ${token}`, ...bound, ...options.headers }) as Record<string, string>
    return this.party.server.client().request('GET', `${this.resourcePath}${options.query ?? ''}`, { headers })
  }

  thumbprint(key: Key = this.dpop): Promise<string> {
    return calculateJwkThumbprint(key.jwk)
  }
}

/** An error as RFC 6749 §5.2 has it: 400, or 401 where it is the client that is not known. */
export const refused = ({ answer }: { answer: Answer }, ...errors: string[]): void => {
  assert.ok(errors.includes(answer.body.error), `${answer.status} ${answer.text}`)
  assert.ok(answer.status === 400 || (answer.status === 401 && answer.body.error === 'invalid_client'), String(answer.status))
  assert.match(String(answer.headers['content-type']), /^application\/json/)
  assert.match(String(answer.headers['cache-control']), /no-store/)
  soundError(answer.body.error, answer.body.error_description)
}
