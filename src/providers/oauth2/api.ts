import { objectAt } from '../../api/objects.ts'
import { invalid } from '../../api/errors.ts'
import type { Query, Row } from '../../api/model.ts'
import type { SpecialOperation } from '../../api/mount.ts'
import { mayTouch, requireObject } from '../../api/permissions.ts'
import type { Ctx } from '../../context.ts'
import { User } from '../../core/people.ts'
import { endpoints, issuerOf } from './addresses.ts'
import { idTokenClaims } from './claims/claims.ts'
import { clientOfProvider, type Client } from './client/client.ts'
import { OAuth2Provider } from './model.ts'
import { machineFacts } from './claims/sign-in-facts.ts'

/** The client that a URL names, for somebody who may see its provider. */
async function clientAt(ctx: Ctx, params: unknown): Promise<Client> {
  const provider = await objectAt(ctx, OAuth2Provider, (params as { pk: string }).pk)
  await requireObject(ctx, OAuth2Provider, provider.id as number, 'view')
  return (await clientOfProvider(ctx, provider.id as number))!
}

/** Through whose eyes a preview looks: one's own, or those of an account that one may preview. */
async function previewed(ctx: Ctx, query: Query): Promise<Row> {
  const wanted = [query.for_user].flat()[0]
  if (wanted === undefined || wanted === '') return ctx.caller.user!
  if (!/^\d{1,15}$/.test(wanted)) throw invalid({ for_user: 'input must be numerical' })
  const user = (await ctx.db.selectFrom('user').selectAll().where('id', '=', Number(wanted)).executeTakeFirst()) as Row | undefined
  const may = user && (user.id === ctx.caller.user?.id || (await mayTouch(ctx, User, user.id as number, 'authentik_core.preview_user')))
  if (!user || !may) throw invalid({ for_user: 'User not found' })
  return user
}

export const oauth2Routes: Record<string, SpecialOperation> = {
  'GET /providers/oauth2/:pk/setup_urls/': {
    response: 'OAuth2ProviderSetupURLs',
    handler: async (ctx, request) => {
      const client = await clientAt(ctx, request.params)
      const urls = endpoints(ctx, client)
      return {
        issuer: issuerOf(ctx, client),
        authorize: urls.authorize,
        token: urls.token,
        user_info: urls.userinfo,
        provider_info: urls.discovery,
        logout: urls.endSession,
        jwks: urls.jwks,
        dcr_registration: urls.register,
      }
    },
  },
  'GET /providers/oauth2/:pk/preview_user/': {
    response: 'PropertyMappingPreview',
    query: { for_user: { type: 'integer' } },
    handler: async (ctx, request) => {
      const client = await clientAt(ctx, request.params)
      const user = await previewed(ctx, request.query as Query)
      const now = ctx.now()
      const expires = new Date(now.getTime() + client.lifetimes.access)
      return { preview: await idTokenClaims(ctx, client, { user, scopes: client.scopes, facts: machineFacts(now), nonce: null, expires }) }
    },
  },
}
