import type { Ctx } from '../../../context.ts'
import { renderFormPost } from '../../../interfaces/formpost.ts'
import type { PageContext } from '../../../interfaces/page.ts'
import { redirectAnswer, type Answer } from '../answer.ts'
import type { Delivery } from './request.ts'
import { seconds } from '../claims/claims.ts'
import { sealedResponse } from '../client/encryption.ts'
import type { Client } from '../client/client.ts'
import type { OAuthError } from '../errors.ts'
import { withParameters } from '../client/redirect-uri.ts'

/** How long a signed response is good for: s. JARM §2.1 recommends ten minutes at most. */
const RESPONSE_LIFE = 600

/**
 * What the client gets: the response itself, the state exactly as it came (RFC 6749 §4.1.2), and who answers (RFC 9207 §2). A client that
 * asked for it gets all that as one JWT (JARM §2.1), encrypted where it wants that.
 * @throws OAuthError when it has no key to encrypt for
 */
export async function responseParameters(
  ctx: Ctx,
  client: Client,
  delivery: Delivery,
  response: Readonly<Record<string, string>>,
): Promise<Record<string, string>> {
  const parameters = {
    ...response,
    ...(delivery.state !== null && { state: delivery.state }),
    ...(delivery.issuer !== null && { iss: delivery.issuer }),
  }
  if (!delivery.signed) return parameters
  return { response: await sealedResponse(ctx, client, { aud: client.client_id, exp: seconds(ctx.now()) + RESPONSE_LIFE, ...parameters }) }
}

/** The parameters of an error, RFC 6749 §4.1.2.1. */
export const errorParameters = (ctx: Ctx, client: Client, delivery: Delivery, error: OAuthError): Promise<Record<string, string>> =>
  responseParameters(ctx, client, delivery, { error: error.code, error_description: error.message })

/** The address that carries a response by query or fragment. */
export const responseLocation = (
  { redirect_uri: uri, response_mode: mode }: Delivery,
  parameters: Readonly<Record<string, string>>,
): string => withParameters(uri, parameters, mode === 'fragment' ? 'fragment' : 'query')

/** Takes a response to the client in the mode that it asked for, errors no less than successes. */
export async function deliver(
  delivery: Delivery,
  parameters: Record<string, string>,
  method: string,
  page: () => Promise<PageContext>,
): Promise<Answer> {
  if (delivery.response_mode === 'form_post') return renderFormPost(await page(), { action: delivery.redirect_uri, fields: parameters })
  return redirectAnswer(responseLocation(delivery, parameters), method)
}
