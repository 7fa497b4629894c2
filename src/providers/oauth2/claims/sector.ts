import type { RedirectUri } from '../client/redirect-uri.ts'

/** The host that an address names; undefined for a pattern and for a scheme of an application's own. */
const hostOf = (url: string): string | undefined => (URL.canParse(url) ? new URL(url).host || undefined : undefined)

/**
 * The sector that pairwise names are made for, OIDC Core §8.1: the host of its address, or the one host of all redirect URIs; undefined when
 * that is not one.
 */
export function sectorOf(identifierUri: string, uris: readonly RedirectUri[]): string | undefined {
  if (identifierUri !== '') return hostOf(identifierUri)
  const hosts = new Set(
    uris
      .filter(uri => uri.redirect_uri_type !== 'logout')
      .map(({ url, matching_mode: mode }) => (mode === 'strict' ? hostOf(url) : undefined)),
  )
  return hosts.size === 1 ? [...hosts][0] : undefined
}
