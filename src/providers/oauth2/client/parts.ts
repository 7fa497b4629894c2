import type { Ctx } from '../../../context.ts'
import type { Row } from '../../../api/model.ts'
import { findObject, withDefaults } from '../../../api/store.ts'
import { cached } from '../../../core/cache.ts'
import { CertificateKeyPair } from '../../../crypto/model.ts'
import { statement } from '../../../db/statement.ts'
import { remember } from '../../../lib/remember.ts'
import type { ScopeMappingRow } from '../../../mappings/evaluate.ts'
import { ClientMetadata, type ClientMetadataRow } from './metadata.ts'
import type { Signer } from '../keys/signer.ts'

/** What thousands of clients have in common is read and kept once. */

/** An opened keypair. */
export const keypairOf = cached(['keypair'], (ctx, key): Promise<Row | undefined> => findObject(ctx, CertificateKeyPair, key))

/** Mappings by scope name, and the names of their scopes with `openid`. */
export type MappingSet = { mappings: readonly ScopeMappingRow[]; scopes: readonly string[] }

const mappingSet = cached(['property_mapping', 'scope_mapping'], async (ctx, keys): Promise<MappingSet> => {
  const mappings = await ctx.db
    .selectFrom('property_mapping as mapping')
    .innerJoin('scope_mapping as scope', 'scope.pm_uuid', 'mapping.pm_uuid')
    .select(['mapping.pm_uuid', 'mapping.name', 'mapping.managed', 'mapping.expression', 'scope.scope_name', 'scope.description'])
    .where('mapping.pm_uuid', 'in', keys.split(','))
    .orderBy('scope.scope_name')
    .orderBy('mapping.name')
    .execute()
  return { mappings, scopes: [...new Set(['openid', ...mappings.map(mapping => mapping.scope_name)])] }
})

const mappingKeys = statement((db, provider: number) =>
  db.selectFrom('provider_property_mapping').select('mapping').where('provider', '=', provider).orderBy('mapping'),
)

const NO_MAPPINGS: MappingSet = { mappings: [], scopes: ['openid'] }

/** What the provider's scopes add to tokens. */
export async function mappingsOf(ctx: Ctx, provider: number): Promise<MappingSet> {
  const keys = await mappingKeys.all(ctx.db, provider)
  return keys.length === 0 ? NO_MAPPINGS : mappingSet(ctx, keys.map(row => row.mapping).join(','))
}

let usual: ClientMetadataRow & Row

/** Metadata of a client; most have none of their own. */
export async function metadataOf(ctx: Ctx, provider: number): Promise<ClientMetadataRow & Row> {
  const stored = await findObject(ctx, ClientMetadata, provider, 'provider')
  return (stored as (ClientMetadataRow & Row) | undefined) ?? (usual ??= withDefaults(ctx, ClientMetadata, {}) as ClientMetadataRow & Row)
}

/** How many lists and documents are kept: what is worth sharing is what many have in common. */
const MOST = 64

const setOf = remember(MOST, (names): ReadonlySet<string> => new Set(JSON.parse(names) as string[]), { longest: Infinity })

/** A set of names, one for all who have the same list. */
export const namesOf = (names: readonly string[]): ReadonlySet<string> => setOf(JSON.stringify(names))

// Not Buffer.from: that cuts small ones out of a large block, which then lives as long as any of them.
const bytesOf = remember(MOST, (text): Uint8Array => new TextEncoder().encode(text), { longest: Infinity })

/** What the name of a key ends with that has another for signing. */
export const FOR_ENCRYPTING = '-enc'

/**
 * Keys under names of their own, RFC 7517 §4.5. A key that encrypts as well as it signs stands in a set for each use (OIDC Discovery §3, `jwks_uri`), and what it
 * is called by signatures is what clients look up: for encrypting it gets another name, which nobody's tokens carry.
 */
export function underOwnNames(keys: readonly Row[]): Row[] {
  const signing = new Set(keys.filter(key => key.use === 'sig').map(key => key.kid))
  return keys.map(key => (key.use === 'enc' && signing.has(key.kid) ? { ...key, kid: `${String(key.kid)}${FOR_ENCRYPTING}` } : key))
}

/**
 * The JWKS document (RFC 7517 §5) of a client's keys. A key that signs by more than one algorithm is shown without any: strict clients
 * would take the one for the only one.
 */
export function keySet(
  own: Signer | undefined,
  signers: readonly (Signer | undefined)[] | 'several',
  others: readonly (Row | undefined)[],
): Uint8Array {
  const { alg, ...jwk } = own?.jwk ?? {}
  const usual = signers !== 'several' && signers.every(signer => signer?.jwk === undefined || signer.alg === alg)
  const keys = [own && (usual ? { ...jwk, alg } : jwk), ...others].filter(key => key !== undefined)
  return bytesOf(JSON.stringify({ keys: underOwnNames(keys) }))
}
