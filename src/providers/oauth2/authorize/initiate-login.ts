import type { Row } from '../../../api/model.ts'
import type { Ctx } from '../../../context.ts'
import { baseUrl } from '../addresses.ts'
import { withParameters } from '../client/redirect-uri.ts'

/**
 * Where applications are opened whose clients want sign-ins begun by others, OIDC Core §4: at the client's address, told which provider it is to send
 * the person to. By provider.
 * @param providers keys of the providers, each with the slug of its application
 */
export async function initiatedLogins(ctx: Ctx, providers: ReadonlyMap<number, string>): Promise<Map<number, string>> {
  if (providers.size === 0) return new Map()
  const found = await ctx.db
    .selectFrom('oauth2_client_metadata as metadata')
    .innerJoin('provider_oauth2 as client', 'client.id', 'metadata.provider')
    .select(['client.id', 'client.issuer_mode', 'metadata.initiate_login_uri'])
    .where('client.id', 'in', [...providers.keys()])
    .where('metadata.initiate_login_uri', '!=', '')
    .execute()
  return new Map(found.map((row): [number, string] => [row.id, addressOf(ctx, row, providers.get(row.id)!)]))
}

function addressOf(ctx: Ctx, { issuer_mode: mode, initiate_login_uri: uri }: Row, slug: string): string {
  const iss = mode === 'global' ? baseUrl(ctx) : `${baseUrl(ctx)}application/o/${slug}/`
  return withParameters(String(uri), { iss }, 'query')
}
