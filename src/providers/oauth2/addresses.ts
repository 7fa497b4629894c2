import type { Ctx } from '../../context.ts'
import { brandRows, hostOfDefault, isBrandHost } from '../../core/brand/rows.ts'
import type { Client } from './client/client.ts'

/** Scheme, host and path prefix of this installation as the client sees it; ends in a slash. */
export const baseUrl = (ctx: Ctx): string => `${ctx.request?.origin ?? 'http://localhost'}${ctx.config.web.path}`

/**
 * Whether an address is at this very server, whatever its path. Clients that registered themselves have none here: browsers would go there as if one of
 * our own pages had sent them, past what keeps other sites from beginning something in a browser that is signed in.
 */
export const isHere = (ctx: Ctx, uri: string): boolean => URL.canParse(uri) && new URL(uri).host === new URL(baseUrl(ctx)).host

/**
 * The request as if it had come by an address that this installation is known by, for judging whom a proof was made for: whoever has one that was
 * made for another server could send it here under that server's name, since a Host header is anybody's to choose. Known are the configured address
 * and the brands' hosts; an installation that nobody has named takes the name that it is called by.
 */
export async function atOwnAddress(ctx: Ctx): Promise<Ctx> {
  const { request, config } = ctx
  if (!request) return ctx
  const configured = config.public_url ? new URL(config.public_url).origin : undefined
  if (request.origin === configured) return ctx
  const brands = await brandRows(ctx)
  const { protocol, hostname } = new URL(request.origin)
  if (isBrandHost(brands, hostname)) return ctx
  const named = hostOfDefault(brands)
  const origin = configured ?? (named === undefined ? request.origin : `${protocol}//${named}`)
  return { ...ctx, request: { ...request, origin } }
}

/** Issuer identifier (OIDC Discovery §3), with its slash; null for a provider that no application uses. */
export function issuerOf(ctx: Ctx, client: Client): string | null {
  if (client.issuerMode === 'global') return baseUrl(ctx)
  return client.issuerSlug === undefined ? null : `${baseUrl(ctx)}application/o/${client.issuerSlug}/`
}

/** Where the endpoints of a client are. Those with `null` belong to the application, and there is none. */
export function endpoints(ctx: Ctx, client: Client) {
  const base = `${baseUrl(ctx)}application/o/`
  const own = client.issuerSlug === undefined ? null : `${base}${client.issuerSlug}/`
  return {
    authorize: `${base}authorize/`,
    token: `${base}token/`,
    device: `${base}device/`,
    pushed: `${base}par/`,
    userinfo: `${base}userinfo/`,
    introspect: `${base}introspect/`,
    revoke: `${base}revoke/`,
    discovery: own && `${own}.well-known/openid-configuration`,
    jwks: own && `${own}jwks/`,
    register: client.registers ? own && `${own}register/` : null,
    endSession: own && `${own}end-session/`,
    checkSession: own && `${own}check-session/`,
  }
}

/** Where the endpoints are that clients of the issuer of the installation share, beyond those that all clients do. */
export function sharedEndpoints(ctx: Ctx) {
  const base = baseUrl(ctx)
  return {
    jwks: `${base}.well-known/jwks.json`,
    endSession: `${base}application/o/end-session/`,
    checkSession: `${base}application/o/check-session/`,
  }
}
