import { sql } from 'kysely'
import { Type } from 'typebox'
import { computed, flag, integer, structure } from '../../api/fields.ts'
import type { Row } from '../../api/model.ts'
import type { SpecialOperation } from '../../api/mount.ts'
import type { Ctx } from '../../context.ts'
import { engineOf } from '../../db/engine.ts'
import { COUNTRIES, country } from '../../geoip/countries.ts'
import { distance, type Asn, type Geo } from '../../geoip/place.ts'
import { PolicyBase } from '../base.ts'
import { definePolicyKind, definePolicyModel, fail, pass, PolicyFailure, policyResource } from '../kind.ts'
import type { PolicyAnswer, PolicyRequest } from '../policy.ts'

const CHECKS = {
  check_history_distance: flag(false),
  history_max_distance_km: integer({ default: 100, minimum: 0, maximum: Number.MAX_SAFE_INTEGER }),
  distance_tolerance_km: integer({ default: 50, minimum: 0 }),
  history_login_count: integer({ default: 5, minimum: 0 }),
  check_impossible_travel: flag(false),
  impossible_tolerance_km: integer({ default: 100, minimum: 0 }),
}

/** Judges where somebody comes from. */
const GeoIPPolicy = definePolicyModel({
  name: 'GeoIPPolicy',
  label: 'authentik_policies_geoip.geoippolicy',
  verboseName: 'GeoIP Policy',
  verboseNamePlural: 'GeoIP Policies',
  description: 'Passes people from some countries or networks, and refuses those who cannot have come so far since they were last here.',
  component: 'ak-policy-geoip-form',
  table: 'policy_geoip',
  fields: {
    asns: structure(Type.Array(Type.Integer({ minimum: -2147483648, maximum: 2147483647 })), { default: [] }),
    countries: structure(Type.Array(Type.Unsafe({ type: 'string', enum: [...COUNTRIES] }), { maxItems: 249 })),
    countries_obj: computed(Type.Array(Type.Object({ code: Type.String({ minLength: 2, maxLength: 2 }), name: Type.String() }))),
    ...CHECKS,
  },
  filters: Object.keys(CHECKS),
  present: async (ctx, rows, query) => {
    const common = await PolicyBase.present!(ctx, rows, query)
    return rows.map((row, index) => ({ ...common[index], countries_obj: (row.countries as string[]).map(country) }))
  },
})

export const geoipPolicies = policyResource('/policies/geoip', GeoIPPolicy)

export const geoipRoutes: Record<string, SpecialOperation> = {
  'GET /policies/geoip_iso3166/': {
    anonymous: true,
    response: 'DetailedCountry',
    many: 'list',
    handler: async () => COUNTRIES.map(country),
  },
}

/** Nobody travels faster, in km an hour. */
const SPEED = 1_000
const HOUR = 3_600_000 // ms

type Known = { asn?: Asn | null; geoip?: Geo | null }

const passesAsn = (asns: number[], { asn }: Known): PolicyAnswer => {
  if (!asn) throw new PolicyFailure('GeoIP: client IP not found in ASN database.')
  return asns.includes(asn.asn!) ? pass() : fail('Client IP is not part of an allowed autonomous system.')
}

const passesCountry = (countries: string[], { geoip }: Known): PolicyAnswer => {
  if (!geoip) throw new PolicyFailure('GeoIP: client IP address not found in City database.')
  return countries.includes(geoip.country!) ? pass() : fail('Client IP is not in an allowed country.')
}

/** When and where somebody signed in last. */
async function earlierLogins(ctx: Ctx, user: number, count: number): Promise<{ created: Date; geo: Geo }[]> {
  const whose = engineOf(ctx.db) === 'sqlite' ? sql<boolean>`"user" ->> '$.pk' = ${user}` : sql<boolean>`"user" ->> 'pk' = ${String(user)}`
  const rows = await ctx.db
    .selectFrom('event')
    .select(['created', 'context'])
    .where('action', '=', 'login')
    .where(whose)
    .orderBy('created', 'desc')
    .limit(count)
    .execute()
  return rows.flatMap(({ created, context }) => {
    const { geo } = context as { geo?: Geo }
    return geo ? [{ created, geo }] : []
  })
}

async function passesDistance(ctx: Ctx, policy: Row, { user }: PolicyRequest, { geoip }: Known): Promise<PolicyAnswer> {
  if (!geoip) return fail()
  if (typeof user?.id !== 'number') return pass()
  for (const { created, geo } of await earlierLogins(ctx, user.id, policy.history_login_count as number)) {
    const far = distance(geo, geoip)
    if (far === undefined) continue
    if (policy.check_history_distance && far >= (policy.history_max_distance_km as number) + (policy.distance_tolerance_km as number))
      return fail('Distance from previous authentication is larger than threshold.')
    const hours = Math.max(1, Math.floor((ctx.now().getTime() - created.getTime()) / HOUR))
    if (policy.check_impossible_travel && far >= SPEED * hours + (policy.impossible_tolerance_km as number))
      return fail('Distance is further than possible.')
  }
  return pass()
}

async function judge(ctx: Ctx, policy: Row, request: PolicyRequest): Promise<PolicyAnswer> {
  const known = request.context as Known
  const [asns, countries] = [policy.asns as number[], policy.countries as string[]]
  const fixed = [...(asns.length > 0 ? [passesAsn(asns, known)] : []), ...(countries.length > 0 ? [passesCountry(countries, known)] : [])]
  const moving = policy.check_history_distance || policy.check_impossible_travel ? [await passesDistance(ctx, policy, request, known)] : []
  return {
    passing: (fixed.length === 0 || fixed.some(({ passing }) => passing)) && moving.every(({ passing }) => passing),
    messages: [...fixed, ...moving].flatMap(({ messages }) => messages),
  }
}

export const geoipKind = definePolicyKind(GeoIPPolicy, 'authentik.policies.geoip', policy => (ctx, request) => judge(ctx, policy, request))
