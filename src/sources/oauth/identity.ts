import type { Row } from '../../api/model.ts'
import type { Ctx } from '../../context.ts'
import type { Scope } from '../../expression/host/scope.ts'
import type { Value } from '../../expression/values.ts'
import { SkipObject } from '../../mappings/evaluate.ts'
import type { SourceIdentity } from '../identity.ts'
import { mapped, MappingFailed, mappingsOf } from '../mappings.ts'
import type { Tokens } from './client.ts'
import { SourceError } from './error.ts'
import { OAuthSource } from './model.ts'
import type { Told } from './profile.ts'
import type { Upstream } from './upstream.ts'

/** More groups than anybody is in. */
const MOST_GROUPS = 1_000

const groupIds = (properties: Row): string[] => [
  ...new Set(
    [properties.groups]
      .flat()
      .filter((id): id is string => typeof id === 'string' && id !== '' && id.length <= 255)
      .slice(0, MOST_GROUPS),
  ),
]

/** A mapping of groups may leave out single ones. */
const leftOut = <T>(work: Promise<T>): Promise<T | undefined> =>
  work.catch((error: unknown) => {
    if (error instanceof SkipObject) return undefined
    throw error
  })

const lower = (value: unknown): string | undefined => (typeof value === 'string' ? value.toLowerCase() : undefined)

/**
 * Whether the address that came of the mappings is the person's: what the source says of its own counts for no other. A mapping may vouch
 * for one itself, by `email_verified`: whose directory fills in addresses and says nothing of it, the administrator alone knows.
 */
function verified({ properties, emailVerified }: Told['profile'], mapped: Row): boolean | undefined {
  if (typeof mapped.email_verified === 'boolean') return mapped.email_verified
  return lower(mapped.email) === lower(properties.email) ? emailVerified : undefined
}

/**
 * Who is coming, with the source's mappings applied.
 * @throws SourceError
 */
export async function identityOf(ctx: Ctx, upstream: Upstream, tokens: Tokens, told: Told, name?: string): Promise<SourceIdentity> {
  const { source, type } = upstream
  const { raw, profile } = told
  const key = source.pbm_uuid as string
  const { sourceClient } = await import('../../expression/host/source-client.ts')
  const variables =
    (more: Row = {}) =>
    (scope: Scope): Readonly<Record<string, Value>> => ({
      source: scope.conversion.object(OAuthSource.label, source),
      info: scope.conversion.enter(structuredClone(raw)),
      token: scope.conversion.enter(structuredClone(tokens.raw)),
      client: sourceClient(tokens.access_token),
      ...Object.fromEntries(Object.entries(more).map(([name, value]) => [name, scope.conversion.enter(value)])),
    })
  try {
    const base = name === undefined || profile.properties.name ? profile.properties : { ...profile.properties, name }
    const { email_verified, ...properties } = await mapped(ctx, await mappingsOf(ctx, key, 'user'), base, variables())
    const ofGroups = await mappingsOf(ctx, key, 'group')
    const groups = []
    for (const id of groupIds(properties)) {
      const own = type.group?.(raw, id) ?? { name: id }
      const found = await leftOut(mapped(ctx, ofGroups, own, variables({ group_id: id })))
      if (found) groups.push({ id, properties: found })
    }
    return {
      source,
      identifier: profile.identifier,
      properties,
      emailVerified: verified(profile, { ...properties, email_verified }),
      groups,
      raw,
      connection: { access_token: tokens.access_token, refresh_token: tokens.refresh_token, expires: tokens.expires },
    }
  } catch (error) {
    if (error instanceof MappingFailed) throw new SourceError('The profile could not be read.', error)
    if (error instanceof SkipObject) throw new SourceError('This account of the source may not be used here.', error)
    throw error
  }
}
