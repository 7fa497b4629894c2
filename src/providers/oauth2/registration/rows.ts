import type { Selectable } from 'kysely'
import { sql } from 'kysely'
import { readBody } from '../../../api/body.ts'
import { changeObject, createObject, deleteObject } from '../../../api/objects.ts'
import { ApiError } from '../../../api/errors.ts'
import type { Row } from '../../../api/model.ts'
import { findObject, findObjects, relatedKeys } from '../../../api/store.ts'
import { transact, type Ctx } from '../../../context.ts'
import { Application } from '../../../core/application/model.ts'
import type { DB } from '../../../db/database.ts'
import { LETTERS_AND_DIGITS, randomString } from '../../../lib/random.ts'
import { parseDuration } from '../../../lib/duration.ts'
import { PolicyBinding } from '../../../policies/binding.ts'
import { ClientMetadata, metadataHooks, REGISTRABLE } from '../client/metadata.ts'
import type { Client } from '../client/client.ts'
import { OAuth2Provider, providerHooks } from '../model.ts'
import { API_SCOPE } from '../resource/bearer.ts'
import { grantsOf, invalidMetadata, providerUris, type Asked } from './asked.ts'
import { DynamicClientRegistration } from './model.ts'
import { SCOPE as REGISTRATION_SCOPE } from './registrar.ts'

export type RegistrationRow = Selectable<DB['oauth2_registration']>

const NAME_LENGTH = 8
const SLUG_LENGTH = 20

/** The shorter of two durations: what an administrator set is the most that a client gets. */
const shorter = (one: unknown, other: unknown): unknown => (parseDuration(one as string) <= parseDuration(other as string) ? one : other)

/** The grants that clients of a provider may have. */
const allowedGrants = (parent: Client, settings: Row): ReadonlySet<string> => {
  const own = settings.allowed_grant_types as string[]
  return own.length > 0 ? new Set(own) : parent.grantTypes
}

/** Scopes that make a client as mighty as the person: registered clients have them only where the registration's own settings name them. */
const NOT_HANDED_DOWN: ReadonlySet<string> = new Set([API_SCOPE, REGISTRATION_SCOPE])

/** Scope mappings that a client gets: those that it asks for, of those that there are. */
async function mappingsFor(ctx: Ctx, parent: Client, settings: Row, asked: Asked): Promise<string[]> {
  const field = DynamicClientRegistration.allFields.override_property_mappings!
  const override = (await relatedKeys(ctx, field, [settings.pbm_uuid])).get(settings.pbm_uuid) as string[]
  const offered =
    override.length === 0
      ? parent.mappings.filter(({ scope_name: name }) => !NOT_HANDED_DOWN.has(name))
      : await ctx.db.selectFrom('scope_mapping').select(['pm_uuid', 'scope_name']).where('pm_uuid', 'in', override).execute()
  return offered.filter(({ scope_name: name }) => asked.scope?.includes(name) ?? true).map(mapping => mapping.pm_uuid)
}

/** The values of a provider that registration decides, for a new one and for a changed one. */
async function providerValues(ctx: Ctx, parent: Client, settings: Row, asked: Asked): Promise<Row> {
  return {
    client_type: asked.authMethod === 'none' ? 'public' : 'confidential',
    grant_types: grantsOf(asked, allowedGrants(parent, settings)),
    redirect_uris: providerUris(asked),
    logout_uri: asked.logout.uri,
    logout_method: asked.logout.method,
    property_mappings: await mappingsFor(ctx, parent, settings, asked),
  }
}

/** What the client says of how it works with us, as its metadata is kept. @throws invalid_client_metadata */
async function metadataValues(ctx: Ctx, sent: Row): Promise<Row> {
  const named = Object.fromEntries(
    REGISTRABLE.filter(name => sent[name] !== undefined && sent[name] !== null).map(name => [name, sent[name]]),
  )
  if (named.token_endpoint_auth_method === 'none') delete named.token_endpoint_auth_method
  return readBody(ctx, ClientMetadata, named, { partial: true })
}

const DEMANDS = [
  'require_pkce',
  'require_pushed_authorization_requests',
  'require_signed_request_object',
  'dpop_bound_access_tokens',
  'dpop_nonce_required',
  'tls_client_certificate_bound_access_tokens',
] as const

/** What the provider demands of its own requests, and the profile that it keeps, it demands of its children. */
const demanded = ({ metadata }: Client): Row => ({
  ...Object.fromEntries(DEMANDS.filter(name => metadata[name]).map(name => [name, true])),
  ...(metadata.security_profile !== null && { security_profile: metadata.security_profile }),
})

/** Turns what the API would say of a field into what registration says, RFC 7591 §3.2.2. */
async function asRegistrationError<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 400) throw error
    const [name, texts] = Object.entries(error.body)[0] ?? []
    throw invalidMetadata(`${name ?? 'client metadata'}: ${[texts].flat().join(' ')}`)
  }
}

/** Where the application is opened. What an administrator may write there for people's names and addresses to stand in is not for clients to say. */
const launchUrl = ({ clientUri }: Asked): string => clientUri.replaceAll('%(', '%25(')

const bindingsOf = (ctx: Ctx, target: unknown): Promise<Row[]> =>
  findObjects(ctx, PolicyBinding, { where: [sql<boolean>`policy_binding.target = ${target}`] })

/**
 * Binds a new application to whom it is for: what is bound to the registration, else what is bound to the application that it happened at;
 * and where that would let everybody in, to the account that registered it and nobody else.
 */
async function bindPeople(ctx: Ctx, parent: Client, settings: Row, application: Row): Promise<void> {
  const own = await bindingsOf(ctx, settings.pbm_uuid)
  const inherited = own.length > 0 ? own : await bindingsOf(ctx, parent.application!.pbm_uuid)
  const target = application.pbm_uuid
  if (!inherited.some(binding => binding.enabled)) {
    await createObject(ctx, PolicyBinding, { target, user: ctx.caller.user!.id, order: 0 })
    return
  }
  for (const { policy_binding_uuid: _, ...binding } of inherited) await createObject(ctx, PolicyBinding, { ...binding, target })
}

/** Makes the provider, the application and its bindings of a client: all or nothing. The caller is who registers it. */
export async function storeClient(ctx: Ctx, parent: Client, settings: Row, asked: Asked, sent: Row, tokenHash: string): Promise<Row> {
  return asRegistrationError(() =>
    transact(ctx, async ctx => {
      const slug = randomString(SLUG_LENGTH, 'abcdefghijklmnopqrstuvwxyz0123456789', ctx.randomBytes)
      const template = parent.provider
      const provider = await createObject(
        ctx,
        OAuth2Provider,
        {
          name: `${asked.name} (${randomString(NAME_LENGTH, LETTERS_AND_DIGITS, ctx.randomBytes)})`,
          authentication_flow: template.authentication_flow,
          authorization_flow: settings.override_authorization_flow ?? template.authorization_flow,
          invalidation_flow: settings.override_invalidation_flow ?? template.invalidation_flow,
          access_code_validity: template.access_code_validity,
          access_token_validity: shorter(settings.access_token_validity, template.access_token_validity),
          refresh_token_validity: shorter(settings.refresh_token_validity, template.refresh_token_validity),
          refresh_token_threshold: template.refresh_token_threshold,
          include_claims_in_id_token: template.include_claims_in_id_token,
          signing_key: template.signing_key,
          encryption_key: template.encryption_key,
          sub_mode: template.sub_mode,
          issuer_mode: template.issuer_mode,
          ...(await providerValues(ctx, parent, settings, asked)),
        },
        providerHooks,
      )
      const own = await bindingsOf(ctx, settings.pbm_uuid)
      const application = await createObject(ctx, Application, {
        name: asked.name,
        slug: `client-${slug}`,
        provider: provider.id,
        group: settings.default_application_group,
        meta_launch_url: sent.initiate_login_uri ? '' : launchUrl(asked),
        policy_engine_mode: own.length > 0 ? settings.policy_engine_mode : parent.application!.policy_engine_mode,
      })
      await bindPeople(ctx, parent, settings, application)
      await createObject(
        ctx,
        ClientMetadata,
        { ...(await metadataValues(ctx, sent)), ...demanded(parent), provider: provider.id },
        metadataHooks,
      )
      await ctx.db
        .insertInto('oauth2_registration')
        .values({
          provider: provider.id as number,
          parent: parent.id,
          user: ctx.caller.user!.id as number,
          token_hash: tokenHash,
          told: JSON.stringify(asked.told),
          issued: ctx.now(),
        })
        .execute()
      return provider
    }),
  )
}

/** Replaces what a client said of itself, RFC 7592 §2.2: what it leaves out is as it was never said. */
export async function replaceClient(ctx: Ctx, parent: Client, settings: Row, client: Client, asked: Asked, sent: Row): Promise<void> {
  await asRegistrationError(() =>
    transact(ctx, async ctx => {
      await changeObject(ctx, OAuth2Provider, client.provider, await providerValues(ctx, parent, settings, asked), providerHooks)
      const before = (await findObject(ctx, ClientMetadata, client.id, 'provider'))!
      const defaults = Object.fromEntries(REGISTRABLE.map(name => [name, ClientMetadata.allFields[name]!.initial!(ctx)]))
      await changeObject(
        ctx,
        ClientMetadata,
        before,
        { ...defaults, ...(await metadataValues(ctx, sent)), ...demanded(parent), verified: false },
        metadataHooks,
      )
      await changeObject(ctx, Application, client.application!, {
        name: asked.name,
        meta_launch_url: sent.initiate_login_uri ? '' : launchUrl(asked),
      })
      await ctx.db
        .updateTable('oauth2_registration')
        .set({ told: JSON.stringify(asked.told) })
        .where('provider', '=', client.id)
        .execute()
    }),
  )
}

/** Takes a client back with everything that it was given, RFC 7592 §2.3. */
export const removeClient = (ctx: Ctx, client: Client): Promise<void> =>
  transact(ctx, async ctx => {
    if (client.application) await deleteObject(ctx, Application, client.application)
    await deleteObject(ctx, OAuth2Provider, client.provider)
  })

/** The settings of the registration at a provider. */
export const settingsOf = (ctx: Ctx, provider: number): Promise<Row | undefined> =>
  findObject(ctx, DynamicClientRegistration, provider, 'provider')

export const registrationOf = async (ctx: Ctx, provider: number): Promise<RegistrationRow | undefined> =>
  ctx.db.selectFrom('oauth2_registration').selectAll().where('provider', '=', provider).executeTakeFirst()
