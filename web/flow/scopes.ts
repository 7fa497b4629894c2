import type { ConsentPermission } from './challenge.ts'
import type { Texts } from './locales/en.ts'

/** A scope that every installation has: the description that it comes with, what it means in plain words, and what to think of. */
type StockScope = readonly [said: string, text: keyof Texts, why?: keyof Texts]

const SCOPES: Record<string, StockScope> = {
  openid: ['', 'scope_openid'],
  email: ['Email address', 'scope_email'],
  profile: ['General Profile Information', 'scope_profile'],
  entitlements: ['Application entitlements', 'scope_entitlements'],
  offline_access: ['Access to request new tokens without interaction', 'scope_offline', 'scope_offline_why'],
  'goauthentik.io/api': ['authentik API Access on behalf of your user', 'scope_api', 'scope_api_why'],
  ak_proxy: ['authentik Proxy - User information', 'scope_proxy'],
  user: ['Your user name, name and e-mail address', 'scope_user'],
  'read:user': ['Your user name and name', 'scope_read_user'],
  'user:email': ['Your e-mail address', 'scope_email'],
  'read:org': ['Your groups', 'scope_read_org'],
}

/** The plain words for a scope; undefined when an administrator has described it otherwise: that stays as it is. */
export function stockScope({ id, name }: ConsentPermission): StockScope | undefined {
  const stock = Object.hasOwn(SCOPES, id) ? SCOPES[id] : undefined
  return stock?.[0] === name ? stock : undefined
}
