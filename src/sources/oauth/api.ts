import { readBody } from '../../api/body.ts'
import { crud } from '../../api/crud.ts'
import { objectAt } from '../../api/objects.ts'
import { invalid, invalidObject } from '../../api/errors.ts'
import { permission, type Query, type Row } from '../../api/model.ts'
import type { Resource, SpecialOperation } from '../../api/mount.ts'
import { requireObject, requirePermission } from '../../api/permissions.ts'
import type { Ctx } from '../../context.ts'
import type { SourceKind } from '../kind.ts'
import { warnOfShortSessions } from '../session-warning.ts'
import { completed } from './complete.ts'
import { begin } from './login.ts'
import { OAuthSource } from './model.ts'
import { loginPath, typeOf } from './settings.ts'
import { PROVIDER_TYPES, providerType } from './types/index.ts'
import { typeObject, typePicture } from './types/present.ts'

/** The addresses without which nobody can be sent anywhere. */
const NEEDED = ['authorization_url', 'access_token_url', 'profile_url'] as const

/** Refuses a source of a type without addresses of its own that lacks one. */
function requireAddresses(source: Row): void {
  const type = providerType(source.provider_type as string)
  const missing = NEEDED.find(name => type[name] === null && !(name === 'profile_url' && type.profileFrom === 'id_token') && !source[name])
  if (missing && type.urls_customizable) throw invalidObject(`${missing} is required for provider ${type.verbose_name}`)
}

/** A document that names the addresses is as good as they are, until it was read. */
function clean(_ctx: Ctx, values: Row, current?: Row): Row {
  const whole = { ...current, ...values }
  if (!whole.oidc_well_known_url) requireAddresses(whole)
  const jwks = whole.oidc_jwks as Row | undefined
  if (jwks && Object.keys(jwks).length > 0 && !Array.isArray(jwks.keys)) throw invalid({ oidc_jwks: ['Invalid JWKS'] })
  return values
}

const saved = (ctx: Ctx, source: Row): Promise<void> => warnOfShortSessions(ctx, { source: source.pbm_uuid as string })

const operations = crud(OAuthSource, { clean, saved })

/** A transaction (a blueprint's) waits for nobody: what is missing is found at the first sign-in. */
const mayAsk = (ctx: Ctx): boolean => ctx.db === ctx.database.db

export const oauthSources: Resource = {
  path: '/sources/oauth',
  model: OAuthSource,
  operations: {
    ...operations,
    // Whoever may not store it, and what could not be stored, makes us ask nobody.
    async create(ctx, body, query) {
      requirePermission(ctx, permission(OAuthSource, 'add'))
      if (!mayAsk(ctx)) return operations.create(ctx, body, query)
      const values = clean(ctx, await readBody(ctx, OAuthSource, body))
      const filled = await completed(ctx, values)
      requireAddresses(filled)
      return operations.create(ctx, { ...body, ...filled }, query)
    },
    async update(ctx, key, body, partial, query) {
      const current = await objectAt(ctx, OAuthSource, key)
      await requireObject(ctx, OAuthSource, current.pbm_uuid as string, 'change')
      if (!mayAsk(ctx)) return operations.update(ctx, key, body, partial, query)
      const values = clean(ctx, await readBody(ctx, OAuthSource, body, { partial, current }), current)
      return operations.update(ctx, key, { ...body, ...(await completed(ctx, values, current)) }, partial, query)
    },
  },
}

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
