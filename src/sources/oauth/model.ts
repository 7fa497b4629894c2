import { sql } from 'kysely'
import { choice, computed, hidden, jsonObject, sealed, text } from '../../api/fields.ts'
import { parseFlag } from '../../api/filters.ts'
import { defineModel, type Model, type Row } from '../../api/model.ts'
import { named } from '../../api/shapes.ts'
import type { Ctx } from '../../context.ts'
import { jsonHas } from '../../db/sql/like.ts'
import { forbiddenScheme } from '../../providers/oauth2/client/redirect-uri.ts'
import { Source, withGroupMatching } from '../source.ts'
import { callbackUrl, typeOf } from './settings.ts'
import { PROVIDER_TYPES } from './types/index.ts'
import { typeObject } from './types/present.ts'

const urlError = (url: string): string | undefined => {
  if (url === '') return undefined
  return URL.canParse(url) && /^https?:$/.test(new URL(url).protocol) && !forbiddenScheme(url) ? undefined : 'Enter a valid URL.'
}
const url = () => text({ nullable: true, check: urlError })

/** An OAuth 2 or OpenID provider that people sign in with. What of it counts for the protocol, settings.ts says. */
export const OAuthSource: Model = withGroupMatching(
  defineModel({
    name: 'OAuthSource',
    label: 'authentik_sources_oauth.oauthsource',
    verboseName: 'OAuth Source',
    description: 'Login using a Generic OAuth provider.',
    component: 'ak-source-oauth-form',
    table: 'source_oauth',
    pk: 'pbm_uuid',
    lookup: 'slug',
    base: Source,
    fields: {
      provider_type: choice(PROVIDER_TYPES.map(({ name }) => name)),
      request_token_url: url(),
      authorization_url: url(),
      access_token_url: url(),
      profile_url: url(),
      pkce: choice(['none', 'plain', 'S256'], 'none'),
      consumer_key: text(),
      consumer_secret: hidden(sealed(text())),
      callback_url: computed({ type: 'string' }),
      additional_scopes: text({ default: '' }),
      type: computed(named('SourceType')),
      oidc_well_known_url: text({ default: '', check: urlError }),
      oidc_jwks_url: text({ default: '', check: urlError }),
      /** Keys of the provider as they were last fetched, or as somebody wrote them: `{keys: […]}`. */
      oidc_jwks: jsonObject(),
      authorization_code_auth_method: choice(['basic_auth', 'post_body'], 'basic_auth'),
    },
    filters: {
      ...Object.fromEntries(
        [
          'access_token_url',
          'additional_scopes',
          'authentication_flow',
          'authorization_url',
          'consumer_key',
          'enabled',
          'enrollment_flow',
          'group_matching_mode',
          'policy_engine_mode',
          'profile_url',
          'request_token_url',
          'user_matching_mode',
        ].map(name => [name, {}]),
      ),
      provider_type: { type: 'string', apply: (_, [name]) => sql<boolean>`source_oauth.provider_type = ${name}` },
      has_jwks: {
        type: 'boolean',
        apply: (ctx, [sent]) => {
          const wanted = parseFlag(sent)
          const some = jsonHas(ctx.db, sql.ref('source_oauth.oidc_jwks'), ['keys'])
          return wanted === undefined ? sql<boolean>`1 = 1` : wanted ? some : sql<boolean>`not ${some}`
        },
      },
    },
    present,
  }),
)

async function present(ctx: Ctx, rows: Row[]): Promise<Row[]> {
  const common = await Source.present!(ctx, rows, {})
  return rows.map((row, index) => ({ ...common[index], callback_url: callbackUrl(ctx, row.slug as string), type: typeObject(typeOf(row)) }))
}
