import type { Ctx } from '../../context.ts'
import type { Client } from './client.ts'

/** Scheme, host and path prefix of this installation as the client sees it; ends in a slash. */
export const baseUrl = (ctx: Ctx): string => `${ctx.request?.origin ?? 'http://localhost'}${ctx.config.web.path}`

/** Issuer identifier (OIDC Discovery §3), with its slash; null for a provider that no application uses. */
export function issuerOf(ctx: Ctx, client: Client): string | null {
  if (client.issuerMode === 'global') return baseUrl(ctx)
  return client.application ? `${baseUrl(ctx)}application/o/${String(client.application.slug)}/` : null
}

/** Where the endpoints of a client are. Those with `null` belong to the application, and there is none. */
export function endpoints(ctx: Ctx, client: Client) {
  const base = `${baseUrl(ctx)}application/o/`
  const own = client.application ? `${base}${String(client.application.slug)}/` : null
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
    endSession: own && `${own}end-session/`,
    checkSession: own && `${own}check-session/`,
  }
}
