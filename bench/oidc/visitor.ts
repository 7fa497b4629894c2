import { createHash } from 'node:crypto'
import type { Connection } from '../lib/load.ts'
import { Jar } from '../lib/jar.ts'
import { CALLBACK } from '../peers/client.ts'
import { posted, type Side } from './side.ts'

type Application = Side['applications']['plain']
type Extra = Record<string, string>
export type Tokens = { access_token: string; refresh_token?: string }

const VERIFIER = 'a-verifier-of-the-benchmark-that-is-long-enough-for-it'
const CHALLENGE = createHash('sha256').update(VERIFIER).digest('base64url')

/** An authorization request as a careful client makes it: PKCE, state and nonce. */
export function authorizationPath({ paths }: Side, { client, scope }: Application, extra: Extra = {}): string {
  const query = new URLSearchParams({
    response_type: 'code',
    client_id: client.client_id,
    redirect_uri: CALLBACK,
    scope,
    state: 'a state of the benchmark',
    nonce: 'a nonce of the benchmark',
    code_challenge: CHALLENGE,
    code_challenge_method: 'S256',
    ...extra,
  })
  return `${paths.authorize}?${query.toString()}`
}

/** Somebody who is signed in, and what applications do for them, all over one connection. */
export class Visitor {
  readonly #side: Side
  readonly #connection: Connection
  readonly #jar: Jar

  private constructor(side: Side, connection: Connection, jar: Jar) {
    this.#side = side
    this.#connection = connection
    this.#jar = jar
  }

  static async signedIn(side: Side, connection: Connection): Promise<Visitor> {
    const jar = new Jar()
    await side.signIn(connection, jar)
    return new Visitor(side, connection, jar)
  }

  /** Asks for a code, without being shown anything. */
  async authorize(application: Application, extra: Extra = {}): Promise<string> {
    const path = authorizationPath(this.#side, application, { prompt: 'none', ...extra })
    const answer = await this.#connection.send({ path, headers: this.#jar.headers })
    this.#jar.keep(answer)
    const code = new URL(String(answer.headers['location']), this.#side.origin).searchParams.get('code')
    if (code === null) throw new Error(`no code: ${answer.status} ${String(answer.headers['location'])} ${answer.text.slice(0, 300)}`)
    return code
  }

  /** The tokens that a code buys. */
  redeem({ client }: Application, code: string, extra: Extra = {}): Promise<Tokens> {
    return this.#token(client, { grant_type: 'authorization_code', code, redirect_uri: CALLBACK, code_verifier: VERIFIER, ...extra })
  }

  refresh({ client }: Application, token: string, extra: Extra = {}): Promise<Tokens> {
    return this.#token(client, { grant_type: 'refresh_token', refresh_token: token, ...extra })
  }

  userinfo(token: string): Promise<unknown> {
    return this.#connection.expect(200, { path: this.#side.paths.userinfo, headers: { authorization: `Bearer ${token}` } })
  }

  async #token(client: Application['client'], form: Extra): Promise<Tokens> {
    return JSON.parse((await this.#connection.expect(200, posted(this.#side.paths.token, client, form))).text) as Tokens
  }
}
