import { createHash, randomBytes } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { askWho, listen, readForm, type Asked, type Person, type Registration, type Upstream } from './upstream.ts'

/** What is particular to one of the small upstreams. Paths are those of the real one. */
export type Shape = {
  name: string
  serves?: readonly string[]
  authorize: RegExp
  token: RegExp
  /** Scopes that a client gets when it names none. */
  scopes: string[]
  /** Whether the secret may come as HTTP Basic too; the form's fields are good everywhere. */
  basic: boolean
  /** The answer with a token; `json` says whether the client wants JSON. */
  granted: (response: ServerResponse, token: string, scope: string[], json: boolean) => void
  refused: (response: ServerResponse, error: 'bad_code' | 'bad_client' | 'bad_redirect', json: boolean) => void
  /** Answers everything else; `who` is whom the token of the request stands for. */
  resource: (asked: Asked, who: Access | undefined, response: ServerResponse) => void
}

/** What a token opens. */
export type Access = { person: Person; scope: string[] }

type Code = Access & { client: string; redirect: string; challenge: string | null; method: string | null }

const key = () => randomBytes(20).toString('hex')

export function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.statusCode = status
  response.setHeader('content-type', 'application/json; charset=utf-8')
  response.end(JSON.stringify(body))
}

/** An authorization code server (RFC 6749, RFC 7636) with the shapes of a real one: codes are good once, addresses are compared exactly. */
export async function anOAuthServer(shape: Shape, people: Person[]): Promise<Upstream> {
  const clients = new Map<string, Registration>()
  const codes = new Map<string, Code>()
  const tokens = new Map<string, Access>()
  const { serve, ...server } = await listen()
  const upstream: Upstream = {
    ...server,
    serves: shape.serves ?? [],
    people,
    register(redirect) {
      const registration = { client_id: key(), client_secret: key(), redirect_uris: [redirect] }
      clients.set(registration.client_id, registration)
      return registration
    },
  }

  function authorize({ path, query }: Asked, response: ServerResponse): void {
    const client = clients.get(query.get('client_id') ?? '')
    const redirect = query.get('redirect_uri') ?? ''
    if (!client?.redirect_uris.includes(redirect)) return void response.writeHead(400).end('unknown application or address')
    if (query.get('response_type') !== 'code' && query.has('response_type')) return void response.writeHead(400).end('response_type')
    const back = new URL(redirect)
    const state = query.get('state')
    if (state !== null) back.searchParams.set('state', state)
    const chosen = query.get('choice') ?? upstream.signsIn
    if (chosen === undefined) {
      return askWho(response, shape.name, people, id => `${path}?${new URLSearchParams([...query, ['choice', id ?? '']]).toString()}`)
    }
    const person = people.find(one => one.id === chosen)
    if (person) {
      const code = key()
      const scope = (query.get('scope') || shape.scopes.join(' ')).split(/[ ,]+/)
      const [challenge, method] = [query.get('code_challenge'), query.get('code_challenge_method')]
      codes.set(code, { person, scope, client: client.client_id, redirect, challenge, method })
      back.searchParams.set('code', code)
    } else {
      back.searchParams.set('error', 'access_denied')
      back.searchParams.set('error_description', 'The user has denied your application access.')
    }
    response.writeHead(302, { location: back.href }).end()
  }

  async function token(asked: Asked, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const form = request.method === 'POST' ? await readForm(request) : asked.query
    asked.form = form
    const json = /json/.test(asked.headers.accept ?? '')
    const [id, secret] =
      shape.basic && asked.headers.authorization ? basic(asked.headers.authorization) : [form.get('client_id'), form.get('client_secret')]
    const client = clients.get(id ?? '')
    if (!client || client.client_secret !== secret) return shape.refused(response, 'bad_client', json)
    const code = codes.get(form.get('code') ?? '')
    codes.delete(form.get('code') ?? '')
    if (!code || code.client !== client.client_id || !proven(code, form.get('code_verifier')))
      return shape.refused(response, 'bad_code', json)
    if (form.get('redirect_uri') !== code.redirect) return shape.refused(response, 'bad_redirect', json)
    const bought = key()
    tokens.set(bought, { person: code.person, scope: code.scope })
    shape.granted(response, bought, code.scope, json)
  }

  serve((asked, request, response) => {
    if (shape.authorize.test(asked.path)) return authorize(asked, response)
    if (shape.token.test(asked.path)) return token(asked, request, response)
    const bearer = /^(?:Bearer|token) (.+)$/i.exec(asked.headers.authorization ?? '')?.[1] ?? asked.query.get('access_token')
    return shape.resource(asked, tokens.get(bearer ?? ''), response)
  })
  return upstream
}

const basic = (authorization: string): [string?, string?] => {
  const [id, secret] = Buffer.from(authorization.replace(/^Basic /i, ''), 'base64')
    .toString()
    .split(':')
  return [id && decodeURIComponent(id), secret && decodeURIComponent(secret)]
}

/** RFC 7636 §4.6. */
function proven({ challenge, method }: Code, verifier: string | null): boolean {
  if (challenge === null) return true
  return (
    challenge ===
    (method === 'S256'
      ? createHash('sha256')
          .update(verifier ?? '')
          .digest('base64url')
      : verifier)
  )
}
