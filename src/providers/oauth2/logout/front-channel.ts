import type { Row } from '../../../api/model.ts'
import type { Ctx } from '../../../context.ts'
import type { Session } from '../../../core/session/session.ts'
import { inMemoryStage, type PlannedStage } from '../../../flows/plan.ts'
import { defineMemoryStage, next, type Farewell } from '../../../flows/stage.ts'
import { siteSource } from '../../../interfaces/security-headers.ts'
import { clientOfProvider } from '../client/client.ts'
import { withParameters } from '../client/redirect-uri.ts'
import { noticesOf } from './notice.sql.ts'

const KIND = 'oauth2-iframe-logout'
const COMPONENT = 'ak-provider-iframe-logout'

/** An address that the browser opens in a frame, as the published schema has it. */
type LogoutUrl = { url: string; provider_name: string; binding: 'redirect' }

/** Has the browser open the addresses at which clients forget a session (OIDC Front-Channel Logout §3). Nobody has to answer; a page does. */
export const iframeLogoutStage = defineMemoryStage({
  kind: KIND,
  component: COMPONENT,
  answer: () => ({}),
  challenge: ({ stage }) => ({ component: COMPONENT, logout_urls: (stage as { urls: LogoutUrl[] }).urls }),
  respond: () => next(),
})

/** The addresses that a stage of a plan has to have opened; undefined for any other stage. */
export const framesOf = (stage: PlannedStage | undefined): string[] | undefined =>
  stage?.kind === 'memory' && stage.name === KIND ? (stage.data as { urls: LogoutUrl[] }).urls.map(({ url }) => url) : undefined

/**
 * The stage by which clients that want to hear of a session's end through the browser do so: all that took part in it, or one. Empty when there
 * is none.
 */
export async function frontChannelLogout(ctx: Ctx, session: Session, provider?: number): Promise<PlannedStage[]> {
  const urls: LogoutUrl[] = []
  for (const notice of await noticesOf(ctx.db, session.uuid, provider)) {
    const client = await clientOfProvider(ctx, notice.provider)
    if (client?.provider.logout_method !== 'frontchannel') continue
    const uri = client.provider.logout_uri as string
    if (siteSource(uri) === undefined) continue // nothing that a frame could show
    const { issuer: iss, sid } = notice
    const url = client.metadata.frontchannel_logout_session_required ? withParameters(uri, { iss, sid }, 'query') : uri
    urls.push({ url, provider_name: client.name, binding: 'redirect' })
  }
  return urls.length > 0 ? [inMemoryStage(KIND, { urls } satisfies Row)] : []
}

/** Clients that hear of a session's end through the browser. */
export const frontChannelFarewell: Farewell = (ctx, session) => frontChannelLogout(ctx, session)
