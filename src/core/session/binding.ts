import type { Row } from '../../api/model.ts'
import { transact, type Ctx } from '../../context.ts'
import { recordEvent } from '../../events/record.ts'
import { placeOf, type Place } from '../../geoip/place.ts'
import { endSession, type Session } from './session.ts'

/** Under which a session keeps that it belongs to the network or place it was opened from; written by the login stage. */
export const BINDING = 'authentik/stages/user_login/binding'

export type Binding = {
  network: 'no_binding' | 'bind_asn' | 'bind_asn_network' | 'bind_asn_network_ip'
  geoip: 'no_binding' | 'bind_continent' | 'bind_continent_country' | 'bind_continent_country_city'
}

/** In what two addresses differ although the session is bound to it; undefined when they do not. */
type Broken = { reason: string; previous_value?: unknown; new_value?: unknown }

const differs = (reason: string, previous_value: unknown, new_value: unknown): Broken | undefined =>
  previous_value === new_value ? undefined : { reason, previous_value, new_value }

/** What cannot be compared counts as another network. */
function brokenNetwork(binding: Binding['network'], before: Place, now: Place): Broken | undefined {
  if (binding === 'no_binding') return undefined
  if (!before.asn || !now.asn) return { reason: 'network.missing' }
  const owner = differs('network.asn', before.asn.asn, now.asn.asn)
  if (owner || binding === 'bind_asn') return owner
  return differs('network.asn_network', before.asn.network, now.asn.network)
}

/** What cannot be compared counts as another place. */
function brokenPlace(binding: Binding['geoip'], before: Place, now: Place): Broken | undefined {
  if (binding === 'no_binding') return undefined
  if (!before.geo || !now.geo) return { reason: 'geoip.missing' }
  const continent = differs('geoip.continent', before.geo.continent, now.geo.continent)
  if (continent || binding === 'bind_continent') return continent
  const country = differs('geoip.country', before.geo.country, now.geo.country)
  if (country || binding === 'bind_continent_country') return country
  return differs('geoip.city', before.geo.city, now.geo.city)
}

/**
 * Ends a bound session that is used from another network or place than before; answers whether it did. Asked when the address has
 * changed; what an address belongs to is what the databases say now.
 */
export async function endBrokenBinding(ctx: Ctx, session: Session): Promise<boolean> {
  const binding = session.data[BINDING] as Binding | undefined
  if (!binding || ctx.request === null || ctx.request.clientIp === session.last_ip) return false
  const { clientIp } = ctx.request
  const [before, now] = [await placeOf(ctx, session.last_ip), await placeOf(ctx, clientIp)]
  const broken =
    brokenNetwork(binding.network, before, now) ??
    (binding.network === 'bind_asn_network_ip' ? differs('network.ip', session.last_ip, clientIp) : undefined) ??
    brokenPlace(binding.geoip, before, now)
  if (!broken) return false
  const user =
    session.user === null ? undefined : await ctx.db.selectFrom('user').selectAll().where('id', '=', session.user).executeTakeFirst()
  await transact(ctx, async ctx => {
    await endSession(ctx, session)
    const context: Row = { reason: 'Session binding broken', binding: broken, previous_ip: session.last_ip }
    await recordEvent(ctx, 'logout', context, { user: user ?? null })
  })
  return true
}
