import { createHash } from 'node:crypto'
import type { Row } from '../../api/model.ts'
import type { Ctx } from '../../context.ts'
import { outgoingOf } from '../../http/outgoing/client.ts'
import { OutgoingError } from '../../http/outgoing/error.ts'
import type { OutgoingRequest } from '../../http/outgoing/outgoing.ts'
import { NO_PROFILE, NO_TOKEN, SourceError } from './error.ts'
import { clientSecret, type Upstream } from './upstream.ts'

/** Milliseconds for one question: a person waits for the answer. */
const TIMEOUT = 10_000
const MAX_BYTES = 256 * 1024
/** Nested deeper, an answer is of no use to anybody. */
const MAX_DEPTH = 24

/** What binds an answer to the question: `state` to the browser, `nonce` to the ID token, `verifier` to the code. */
export type Secrets = { state: string; nonce: string; verifier: string }

/** What the source gave for the code (RFC 6749 §5.1). */
export type Tokens = { access_token: string; refresh_token: string | null; id_token: string | null; expires: Date | null; raw: Row }

const isObject = (value: unknown): value is Row => typeof value === 'object' && value !== null && !Array.isArray(value)

const isShallow = (value: unknown, depth = 0): boolean =>
  depth < MAX_DEPTH && (typeof value !== 'object' || value === null || Object.values(value).every(inner => isShallow(inner, depth + 1)))

/** The address where the browser asks the source (RFC 6749 §4.1.1, RFC 7636 §4.3, OIDC Core §3.1.2.1). */
export function authorizationAddress(
  { type, authorizationUrl, clientId, scopes, pkce }: Upstream,
  { state, nonce, verifier, redirectUri, fresh }: Secrets & { redirectUri: string; fresh: Record<string, string> },
): string {
  const url = new URL(authorizationUrl)
  const params: Record<string, string> = {
    ...type.authorizationParameters,
    response_type: 'code',
    [type.dialect?.clientId ?? 'client_id']: clientId,
    redirect_uri: redirectUri,
    state,
    ...(scopes.length > 0 && { scope: scopes.join(type.scopeSeparator ?? ' ') }),
    ...(type.responseMode && { response_mode: type.responseMode }),
    ...(type.idToken && { nonce }),
    ...fresh,
    ...(pkce === 'S256' && {
      code_challenge: createHash('sha256').update(verifier).digest('base64url'),
      code_challenge_method: 'S256',
    }),
    ...(pkce === 'plain' && { code_challenge: verifier, code_challenge_method: 'plain' }),
  }
  for (const [name, value] of Object.entries(params)) url.searchParams.set(name, value)
  if (type.dialect) url.hash = type.dialect.fragment
  return url.href
}

/**
 * Asks the source and reads a JSON object or list. No redirect is followed: what we send is meant for one host.
 * @throws SourceError saying `failure`
 */
async function ask(ctx: Ctx, url: string, request: OutgoingRequest, failure: string): Promise<unknown> {
  let answer
  try {
    answer = await outgoingOf(ctx.config)(url, {
      ...request,
      timeout: TIMEOUT,
      redirects: 0,
      maxBytes: MAX_BYTES,
      headers: { accept: 'application/json', ...request.headers },
    })
  } catch (error) {
    if (error instanceof OutgoingError) throw new SourceError(failure, error)
    throw error
  }
  const text = new TextDecoder().decode(answer.body)
  if (answer.status !== 200 && answer.status !== 201)
    throw new SourceError(failure, new Error(`it answers ${answer.status}: ${text.slice(0, 500)}`))
  try {
    const type = answer.headers['content-type'] ?? ''
    const read = type.includes('x-www-form-urlencoded') ? Object.fromEntries(new URLSearchParams(text)) : (JSON.parse(text) as unknown)
    if (isShallow(read)) return read
    throw new SyntaxError('nested too deeply')
  } catch (error) {
    throw new SourceError(failure, error)
  }
}

const formEncoded = (text: string): string => new URLSearchParams({ x: text }).toString().slice(2)

/** How the source knows that it is us, RFC 6749 §2.3.1. */
function credentials({ type, clientAuth, clientId }: Upstream, secret: string): { headers: Record<string, string>; form: Row } {
  if (clientAuth === 'basic_auth' && !type.dialect) {
    const pair = Buffer.from(`${formEncoded(clientId)}:${formEncoded(secret)}`).toString('base64')
    return { headers: { authorization: `Basic ${pair}` }, form: {} }
  }
  return {
    headers: {},
    form: { [type.dialect?.clientId ?? 'client_id']: clientId, [type.dialect?.clientSecret ?? 'client_secret']: secret },
  }
}

/** Buys tokens for a code, RFC 6749 §4.1.3. @throws SourceError */
export async function buyTokens(
  ctx: Ctx,
  upstream: Upstream,
  { code, verifier, redirectUri }: { code: string; verifier: string; redirectUri: string },
): Promise<Tokens> {
  const { headers, form } = credentials(upstream, await clientSecret(ctx, upstream))
  const params = new URLSearchParams({
    grant_type: 'authorization_code',
    code,
    redirect_uri: redirectUri,
    ...(upstream.pkce !== 'none' && { code_verifier: verifier }),
    ...form,
  }).toString()
  const answer = upstream.type.dialect
    ? await ask(ctx, withQuery(upstream.tokenUrl, params), {}, NO_TOKEN)
    : await ask(
        ctx,
        upstream.tokenUrl,
        { method: 'POST', headers: { ...headers, 'content-type': 'application/x-www-form-urlencoded' }, body: params },
        NO_TOKEN,
      )
  if (!isObject(answer)) throw new SourceError(NO_TOKEN)
  const { access_token: access, refresh_token: refresh, id_token: id, expires_in: life } = answer
  // GitHub answers 200 to a code that is worth nothing.
  if (typeof access !== 'string' || access === '') throw new SourceError(NO_TOKEN, new Error(String(answer.error ?? 'no access_token')))
  const seconds = Number(life)
  return {
    access_token: access,
    refresh_token: typeof refresh === 'string' && refresh !== '' ? refresh : null,
    id_token: typeof id === 'string' && id !== '' ? id : null,
    expires: Number.isFinite(seconds) && seconds > 0 && seconds < 1e9 ? new Date(ctx.now().getTime() + seconds * 1000) : null,
    raw: answer,
  }
}

const withQuery = (url: string, query: string): string => `${url}${url.includes('?') ? '&' : '?'}${query}`

/** Asks an API of the source in the person's name. @throws SourceError */
export const askAsPerson = (ctx: Ctx, { type, clientId }: Upstream, tokens: Tokens, url: string): Promise<unknown> => {
  if (type.dialect) {
    const known = type.dialect.profileParameters.map(name => [name, String(tokens.raw[name] ?? '')])
    return ask(ctx, withQuery(url, new URLSearchParams(known).toString()), {}, NO_PROFILE)
  }
  // Twitch wants to hear who asks, too.
  const headers = { authorization: `Bearer ${tokens.access_token}`, 'client-id': clientId }
  return ask(ctx, url, { headers }, NO_PROFILE)
}
