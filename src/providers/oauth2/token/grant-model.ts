import { Type } from 'typebox'
import { crud } from '../../../api/crud.ts'
import type { Hooks } from '../../../api/objects.ts'
import { presentObjects } from '../../../api/present.ts'
import { computed, instant, internal, reference, shown, structure, text } from '../../../api/fields.ts'
import { defineModel, type Model, type ModelSpec, type Row } from '../../../api/model.ts'
import type { Resource } from '../../../api/mount.ts'
import { withKindNames } from '../../../api/polymorphic.ts'
import { findObjects } from '../../../api/store.ts'
import type { Ctx } from '../../../context.ts'
import { User } from '../../../core/people.ts'
import { Provider } from '../../provider.ts'
import { sql } from 'kysely'
import { revokeFamily } from './grants.sql.ts'

/** Codes and tokens as their owners and administrators see them: for whom, for what, until when; never themselves. */

const keysOf = (rows: Row[], name: string) => [...new Set(rows.map(row => row[name] as number))]

async function presentGrants(ctx: Ctx, rows: Row[]): Promise<Row[]> {
  if (rows.length === 0) return []
  const providerRows = await findObjects(ctx, Provider, { where: [sql<boolean>`provider.id in (${sql.join(keysOf(rows, 'provider'))})`] })
  const kinds = new Map(providerRows.map(row => [row.id, row.kind as string]))
  const providers = await withKindNames(ctx, Provider, kinds, await presentObjects(ctx, Provider, providerRows))
  const userRows = await findObjects(ctx, User, { where: [sql<boolean>`"user".id in (${sql.join(keysOf(rows, 'user'))})`] })
  const users = await presentObjects(ctx, User, userRows)
  const now = ctx.now()
  return rows.map(row => ({
    provider: providers.find(provider => provider.pk === row.provider),
    user: users.find(user => user.pk === row.user),
    is_expired: (row.expires as Date) <= now,
    ...('claims' in row && {
      id_token: JSON.stringify(row.claims),
      revoked: row.revoked_at !== null || ('used_at' in row && row.used_at !== null),
    }),
  }))
}

const common = {
  provider: { ...reference(() => Provider, { readOnly: true }), shown: 'Provider' },
  user: { ...reference(() => User, { readOnly: true }), shown: 'User' },
  is_expired: computed(Type.Boolean()),
  expires: instant({ readOnly: true }),
  scope: shown(structure(Type.Array(Type.String()))),
}

const tokenFields = {
  ...common,
  id_token: computed(Type.String()),
  revoked: computed(Type.Boolean()),
}

const grant = (spec: Pick<ModelSpec, 'name' | 'label' | 'verboseName' | 'table' | 'fields'>): Model =>
  defineModel({
    ...spec,
    pk: 'id',
    keyType: 'integer',
    display: 'id',
    owner: 'user',
    filters: ['provider', 'user'],
    ordering: ['-expires'],
    present: presentGrants,
  })

export const AuthorizationCode = grant({
  name: 'AuthorizationCode',
  label: 'authentik_providers_oauth2.authorizationcode',
  verboseName: 'Authorization Code',
  table: 'oauth2_code',
  fields: { ...common, code_hash: internal(text()) },
})

export const AccessToken = grant({
  name: 'AccessToken',
  label: 'authentik_providers_oauth2.accesstoken',
  verboseName: 'OAuth2 Access Token',
  table: 'oauth2_access_token',
  fields: { ...tokenFields, token_hash: internal(text()) },
})

export const RefreshToken = grant({
  name: 'RefreshToken',
  label: 'authentik_providers_oauth2.refreshtoken',
  verboseName: 'OAuth2 Refresh Token',
  table: 'oauth2_refresh_token',
  fields: { ...tokenFields, token_hash: internal(text()) },
})

/** A refresh token takes everything of the same grant with it, RFC 7009 §2.1; one that was replaced or revoked before stands for nothing. */
const endFamily = async (ctx: Ctx, { family, used_at: used, revoked_at: revoked }: Row): Promise<void> => {
  if (used === null && revoked === null) await revokeFamily(ctx.db, family as string, ctx.now())
}

/** Grants are made by the endpoints and nobody changes them: they can be looked at and taken back. */
function taken(path: string, model: Model, hooks?: Hooks): Resource {
  return { path, model, operations: { ...crud(model, hooks), create: undefined, update: undefined } }
}

export const grantResources: readonly Resource[] = [
  taken('/oauth2/authorization_codes', AuthorizationCode),
  taken('/oauth2/access_tokens', AccessToken),
  taken('/oauth2/refresh_tokens', RefreshToken, { removing: endFamily }),
]
