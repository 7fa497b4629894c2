import type { BearerSource } from '../../../core/callers.ts'
import { livingToken } from './access-token.ts'

/** The scope that opens the REST API to an access token. */
export const API_SCOPE = 'goauthentik.io/api'

/** An access token as credential of the REST API: it acts for its user. A personal account's own rights decide the rest. */
export const accessTokenBearer: BearerSource = async (ctx, credential) => {
  const living = await livingToken(ctx, credential)
  return living?.token.scope.includes(API_SCOPE) ? living.token.user : undefined
}
