import type { Row } from '../../../api/model.ts'
import { iconUrl } from '../../../core/icon.ts'
import type { Asking } from '../../../flows/asking.ts'
import type { Client } from '../client/client.ts'

/** What a client that registered itself says of itself, as text; undefined when it says nothing. */
const told = (client: Client, name: string): string | undefined => {
  const value = client.registered?.[name]
  return typeof value === 'string' && value !== '' ? value : undefined
}

const LOOPBACK = /^(?:localhost|127\.0\.0\.1|\[::1\])$/

/** The host that a response goes to, in the letters of the domain name system, so that no letter looks like another; '' for this very device. */
function goesTo(uri: string): string {
  const { protocol, host, hostname } = new URL(uri)
  return /^https?:$/.test(protocol) && !LOOPBACK.test(hostname) ? host : ''
}

/** A picture that the browser may fetch: from us, or protected by TLS. */
const shownIcon = (icon: string | null): string | undefined =>
  icon !== null && /^(?:\/(?!\/)|https:\/\/|data:image\/)/i.test(icon) ? icon : undefined

/**
 * How an application stands before the person whom it asks. What a client says of itself was checked by nobody (RFC 7591 §5): it is marked, its
 * name comes with the host that the answer goes to, and its logo is shown only from that very host, which learns of the visit in any case.
 * @param redirectUri where the answer goes; undefined for devices
 */
export function askerOf(client: Client, application: Row, redirectUri?: string): Asking {
  const name = String(application.name)
  if (!client.registered) {
    const { meta_icon: icon, meta_publisher: publisher } = application
    return { name, icon: shownIcon(iconUrl(String(icon ?? ''))), publisher: String(publisher ?? '') || undefined }
  }
  const host = redirectUri === undefined ? undefined : goesTo(redirectUri)
  const logo = told(client, 'logo_uri')
  const isOwn = logo !== undefined && host && redirectUri?.startsWith('https:') && URL.canParse(logo) && new URL(logo).host === host
  return {
    name,
    unverified: true,
    goesTo: host,
    icon: isOwn ? shownIcon(logo) : undefined,
    home: told(client, 'client_uri'),
    policy: told(client, 'policy_uri'),
    terms: told(client, 'tos_uri'),
  }
}
