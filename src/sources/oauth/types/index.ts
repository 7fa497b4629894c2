import { apple, gitlab, okta, openidconnect, slack, twitch } from './openid.ts'
import { discord, entraid, facebook, github, google, mailcow, patreon, reddit, twitter, wechat } from './social.ts'
import type { ProviderType } from './type.ts'

/** Every kind of provider, by its name on the wire; the generic one first, the others by name. */
export const PROVIDER_TYPES: readonly ProviderType[] = [
  openidconnect,
  apple,
  discord,
  entraid,
  facebook,
  github,
  gitlab,
  google,
  mailcow,
  okta,
  patreon,
  reddit,
  slack,
  twitch,
  twitter,
  wechat,
]

const byName = new Map(PROVIDER_TYPES.map(type => [type.name, type]))

/** The type of that name; the generic one for a name that there is no more. */
export const providerType = (name: string): ProviderType => byName.get(name) ?? openidconnect
