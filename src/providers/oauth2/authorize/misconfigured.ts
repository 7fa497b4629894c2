import type { Row } from '../../../api/model.ts'
import type { Ctx } from '../../../context.ts'
import { countAttempt } from '../../../core/attempts.ts'
import { recordEvent } from '../../../events/record.ts'
import type { Answer } from '../answer.ts'
import { errorPage, type Browser } from '../browser.ts'
import type { Client } from '../client/client.ts'
import type { RedirectUri } from '../client/redirect-uri.ts'

/** Longer values are cut: whoever wrote the address chose them, and the page is ours. */
const MAX_SHOWN = 200

const sent = (name: string, value: string | undefined): [string, string][] =>
  value === undefined ? [] : [[name, value.length > MAX_SHOWN ? `${value.slice(0, MAX_SHOWN)}…` : value]]

/** RFC 6749 §4.1.2.1: there is no such client. */
export const unknownClient = (ctx: Ctx, browser: Browser, clientId: string | undefined): Promise<Answer> =>
  errorPage(ctx, browser, 'Client ID Error', 'The client identifier (client_id) is missing or invalid.', {
    says: [clientId === undefined ? 'help_no_client' : 'help_client'],
    sent: sent('client_id', clientId),
    registered: [],
  })

/** Events of one provider's wrong addresses within the window: anybody can send them. */
const MOST = 5
const WINDOW = 3_600_000 // ms

/** What the provider has registered for sign-ins, or for after signing out, as people read it. */
const registeredFor = (client: Client, use: 'authorization' | 'logout'): string[] =>
  (client.provider.redirect_uris as RedirectUri[])
    .filter(({ redirect_uri_type: type }) => (type === 'logout') === (use === 'logout'))
    .map(({ url, matching_mode: mode }) => (mode === 'strict' ? url : `${url} (${mode})`))

/** Tells the people who run the server, beside what the provider has. */
async function reportAddress(ctx: Ctx, client: Client, message: string, sent: Row, expected: readonly string[]): Promise<void> {
  if ((await countAttempt(ctx, `wrong redirect ${client.id}`, WINDOW)) > MOST) return
  const provider = { pk: client.id, name: client.name }
  await recordEvent(ctx, 'configuration_error', { message, provider, ...sent, expected })
}

/**
 * RP-Initiated Logout §3: the client's own ID token came with an address that is not registered for that. Nobody is sent there, and the person is
 * asked before anything ends, which looks like a fault of ours until somebody reads the audit log.
 */
export const wrongLogoutRedirect = (ctx: Ctx, client: Client, uri: string): Promise<void> =>
  reportAddress(
    ctx,
    client,
    'An application sent an address for after signing out that its provider does not have (redirect URIs of type logout).',
    { post_logout_redirect_uri: uri.slice(0, MAX_SHOWN) },
    registeredFor(client, 'logout'),
  )

/**
 * RFC 6749 §3.1.2.3, OIDC Core §3.1.2.1: the client does not live there. What the provider has registered is told in the audit log, and on the page to
 * administrators alone.
 */
export async function wrongRedirect(ctx: Ctx, browser: Browser, client: Client, uri: string | undefined): Promise<Answer> {
  const registered = registeredFor(client, 'authorization')
  const message = 'An application sent a redirect URI that its provider does not have.'
  await reportAddress(ctx, client, message, { redirect_uri: uri?.slice(0, MAX_SHOWN) ?? null }, registered)
  return errorPage(
    ctx,
    browser,
    'Redirect URI Error',
    'The request fails due to a missing, invalid, or mismatching redirection URI (redirect_uri).',
    {
      says: [uri === undefined ? 'help_no_redirect' : 'help_redirect', ...(ctx.caller.superuser ? [] : ['help_logged' as const])],
      sent: [...sent('client_id', client.client_id), ...sent('redirect_uri', uri)],
      registered: ctx.caller.superuser ? registered : [],
    },
  )
}
