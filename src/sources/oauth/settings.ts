import type { Row } from '../../api/model.ts'
import type { Ctx } from '../../context.ts'
import { pathOf } from '../../flows/addresses.ts'
import { providerType } from './types/index.ts'
import type { ClientAuth, ProviderType } from './types/type.ts'

/** Which of a source's settings count, given what its type of provider demands: what the protocol reads of an OAuthSource's row. */

export const typeOf = (source: Row): ProviderType => providerType(source.provider_type as string)

type Url = 'request_token_url' | 'authorization_url' | 'access_token_url' | 'profile_url' | 'oidc_well_known_url' | 'oidc_jwks_url'

/** The source's own URL where its type allows for one, else the type's; null when there is none. */
export function urlOf(source: Row, name: Url): string | null {
  const type = typeOf(source)
  const own = (source[name] as string | null) || null
  return type.urls_customizable ? (own ?? type[name]) : type[name]
}

/** The scopes to ask for: the type's and the source's own; those alone, when they begin with `*`. */
export function scopesOf(source: Row): string[] {
  const own = (source.additional_scopes as string).trim()
  const replaced = own.startsWith('*')
  const added = (replaced ? own.slice(1) : own).split(/\s+/).filter(Boolean)
  return [...new Set([...(replaced ? [] : typeOf(source).scopes), ...added])]
}

export const pkceOf = (source: Row): 'none' | 'plain' | 'S256' => typeOf(source).pkce ?? (source.pkce as 'none' | 'plain' | 'S256')

export const clientAuthOf = (source: Row): ClientAuth => typeOf(source).clientAuth ?? (source.authorization_code_auth_method as ClientAuth)

/** Paths of ours where browsers begin a sign-in at a source, and where the provider sends them back. */
export const loginPath = (ctx: Pick<Ctx, 'config'>, slug: string): string => pathOf(ctx, `/source/oauth/login/${slug}/`)
export const callbackPath = (ctx: Pick<Ctx, 'config'>, slug: string): string => pathOf(ctx, `/source/oauth/callback/${slug}/`)

/** The address that providers must know: as the caller's browser sees this installation. */
export const callbackUrl = (ctx: Ctx, slug: string): string => `${ctx.request?.origin ?? 'http://localhost'}${callbackPath(ctx, slug)}`
