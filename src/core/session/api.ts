import { sql } from 'kysely'
import { Type } from 'typebox'
import { crud } from '../../api/crud.ts'
import { invalid, permissionDenied } from '../../api/errors.ts'
import { computed, instant, reference, shown, text } from '../../api/fields.ts'
import { MAX_KEY } from '../../api/filters.ts'
import { defineModel, type Model, type Query } from '../../api/model.ts'
import type { Resource, SpecialOperation } from '../../api/mount.ts'
import { holds } from '../../api/permissions.ts'
import { named } from '../../api/shapes.ts'
import { transact } from '../../context.ts'
import { placeOf } from '../../geoip/place.ts'
import { recordEvent } from '../../events/record.ts'
import { parseUserAgent } from '../../http/user-agent.ts'
import { wakeRunners } from '../../tasks/queue.ts'
import { User } from '../people.ts'
import { withdraw } from '../withdrawal.ts'

const nullable = (type: string) => ({ type: [type, 'null'] })
const known = (properties: Record<string, object>) =>
  Type.Unsafe({ type: ['object', 'null'], properties, required: Object.keys(properties) })
const Geo = known({
  continent: nullable('string'),
  country: nullable('string'),
  lat: nullable('number'),
  long: nullable('number'),
  city: { type: 'string' },
})
const Asn = known({ asn: nullable('integer'), as_org: nullable('string'), network: nullable('string') })

/** A signed-in browser, as its owner and administrators see it. Deleting it signs the browser out everywhere. */
export const AuthenticatedSession: Model = defineModel({
  name: 'AuthenticatedSession',
  label: 'authentik_core.authenticatedsession',
  verboseName: 'Authenticated Session',
  table: 'session',
  pk: 'uuid',
  keyName: 'uuid',
  display: 'uuid',
  owner: 'user',
  fields: {
    current: computed(Type.Boolean()),
    user_agent: computed(named('UserAgent')),
    geo_ip: computed(Geo),
    asn: computed(Asn),
    user: reference(() => User, { readOnly: true }),
    last_ip: shown(text()),
    last_user_agent: shown(text()),
    last_used: instant({ readOnly: true }),
    expires: instant({ readOnly: true }),
  },
  filters: {
    user__username: {},
    session__last_ip: { apply: (_, [ip]) => sql<boolean>`session.last_ip = ${ip}` },
    session__last_user_agent: { apply: (_, [agent]) => sql<boolean>`session.last_user_agent = ${agent}` },
  },
  search: ['last_ip', 'last_user_agent'],
  ordering: ['-last_used'],
  // Visits without anybody signed in are sessions too, but nobody's.
  visible: () => ({ column: 'user', not: null }),
  present: (ctx, rows) =>
    Promise.all(
      rows.map(async row => {
        const { geo, asn } = await placeOf(ctx, row.last_ip as string)
        return {
          current: ctx.caller.session?.uuid === row.uuid,
          user_agent: parseUserAgent(row.last_user_agent as string),
          geo_ip: geo ?? null,
          asn: asn ?? null,
        }
      }),
    ),
})

const { list, retrieve, destroy, usedBy } = crud(AuthenticatedSession, {
  async removing(ctx, session) {
    await withdraw(ctx, { sessions: [session.session_hash as string] })
    wakeRunners(ctx)
  },
})

export const authenticatedSessions: Resource = {
  path: '/core/authenticated_sessions',
  model: AuthenticatedSession,
  operations: { list, retrieve, destroy, usedBy },
}

export const sessionRoutes: Record<string, SpecialOperation> = {
  'DELETE /core/authenticated_sessions/bulk_delete/': {
    response: 'BulkDeleteSessionResponse',
    query: { user_pks: { type: 'array', items: { type: 'integer' } } },
    handler: async (ctx, request) => {
      const keys = [(request.query as Query).user_pks]
        .flat()
        .filter(key => key !== undefined && key !== '')
        .map(Number)
      if (keys.length === 0 || !keys.every(key => Number.isInteger(key) && Math.abs(key) <= MAX_KEY))
        throw invalid({ user_pks: ['This field is required.'] })
      const others = keys.some(key => key !== ctx.caller.user!.id)
      if (others && !holds(ctx, 'authentik_core.delete_authenticatedsession')) throw permissionDenied()
      const deleted = await transact(ctx, async ctx => {
        const sessions = await ctx.db.selectFrom('session').select('session_hash').where('user', 'in', keys).execute()
        await withdraw(ctx, { sessions: sessions.map(({ session_hash }) => session_hash) })
        const { numDeletedRows } = await ctx.db.deleteFrom('session').where('user', 'in', keys).executeTakeFirstOrThrow()
        await recordEvent(ctx, 'model_deleted', { sessions_of: keys, count: Number(numDeletedRows) })
        wakeRunners(ctx)
        return Number(numDeletedRows)
      })
      return { deleted }
    },
  },
}
