import { crud } from '../../api/crud.ts'
import { invalid, invalidObject } from '../../api/errors.ts'
import type { Query, Row } from '../../api/model.ts'
import type { Resource, SpecialOperation } from '../../api/mount.ts'
import type { Ctx } from '../../context.ts'
import type { SourceKind } from '../kind.ts'
import { warnOfShortSessions } from '../session-warning.ts'
import { begin } from './login.ts'
import { OAuthSource } from './model.ts'
import { loginPath, typeOf } from './settings.ts'
import { PROVIDER_TYPES, providerType } from './types/index.ts'
import { typeObject, typePicture } from './types/present.ts'

/** The addresses without which nobody can be sent anywhere. */
const NEEDED = ['authorization_url', 'access_token_url', 'profile_url'] as const

/** A type without addresses of its own needs the source's, or a document that names them. */
function clean(_ctx: Ctx, values: Row, current?: Row): Row {
  const whole = { ...current, ...values }
  const type = providerType(whole.provider_type as string)
  if (type.urls_customizable && !whole.oidc_well_known_url) {
    const missing = NEEDED.find(name => type[name] === null && !(name === 'profile_url' && type.profileFrom === 'id_token') && !whole[name])
    if (missing) throw invalidObject(`${missing} is required for provider ${type.verbose_name}`)
  }
  const jwks = whole.oidc_jwks as Row | undefined
  if (jwks && Object.keys(jwks).length > 0 && !Array.isArray(jwks.keys)) throw invalid({ oidc_jwks: ['Invalid JWKS'] })
  return values
}

const saved = (ctx: Ctx, source: Row): Promise<void> => warnOfShortSessions(ctx, { source: source.pbm_uuid as string })

export const oauthSources: Resource = { path: '/sources/oauth', model: OAuthSource, operations: crud(OAuthSource, { clean, saved }) }

export const oauthSourceKind: SourceKind = {
  model: OAuthSource,
  icon: (ctx, source) => typePicture(ctx, typeOf(source)),
  button: (ctx, source, query) => ({
    component: 'xak-flow-redirect',
    to: loginPath(ctx, source.slug as string) + (query === '' ? '' : `?${query}`),
  }),
  begin,
  settings: (ctx, source) => ({ component: 'ak-user-settings-source-oauth', configure_url: loginPath(ctx, source.slug as string) }),
}

export const oauthSourceRoutes: Record<string, SpecialOperation> = {
  /** All types; with `?name=` that one, or the generic one for a name that nothing has. */
  'GET /sources/oauth/source_types/': {
    response: 'SourceType',
    many: 'list',
    query: { name: { type: 'string' } },
    handler: async (_ctx, request) => {
      const name = [(request.query as Query).name].flat()[0]
      return (name === undefined || name === '' ? PROVIDER_TYPES : [providerType(name)]).map(typeObject)
    },
  },
}
