import { sql } from 'kysely'
import type { Db } from '../../src/db/database.ts'
import { openDatabase } from '../../src/db/database.ts'
import type { Home } from './signet.ts'

const FIRST = [
  'Ada',
  'Alan',
  'Anna',
  'Barbara',
  'Clara',
  'Dennis',
  'Edsger',
  'Frances',
  'Grace',
  'Hedy',
  'Jean',
  'Katherine',
  'Ken',
  'Leslie',
  'Linus',
  'Margaret',
  'Niklaus',
  'Radia',
  'Tim',
  'Zoë',
]
const LAST = [
  'Allen',
  'Bartik',
  'Clarke',
  'Dijkstra',
  'Engelbart',
  'Feinler',
  'Goldberg',
  'Hamilton',
  'Hopper',
  'Johnson',
  'Knuth',
  'Lamarr',
  'Liskov',
  'Lovelace',
  'Müller',
  'Perlman',
  'Ritchie',
  'Shannon',
  'Turing',
  'Wirth',
]
const TEAMS = 200

/** Members of the one large group, `Everyone in the building`. */
export const LARGE_GROUP = 10_000

/** Numbers without a pattern that are the same in every run. */
function numbers(seed: number): () => number {
  let state = seed
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 2 ** 32
  }
}

export async function insertAll(db: Db, table: string, rows: readonly Record<string, unknown>[]): Promise<void> {
  const width = Object.keys(rows[0]!).length
  const size = Math.floor(30_000 / width) // parameters of one statement
  for (let start = 0; start < rows.length; start += size) {
    await db
      .insertInto(table as never)
      .values(rows.slice(start, start + size))
      .execute()
  }
}

/**
 * Fills a migrated database with accounts, 200 teams and one large group; each account is in one or two teams. Past the API: what is
 * measured is reading.
 */
export async function seedUsers(home: Home, count: number): Promise<void> {
  const database = await openDatabase(home.database)
  const random = numbers(42)
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!
  const now = Date.now()
  const user = (index: number) => {
    const [first, last] = [pick(FIRST), pick(LAST)]
    const username = `${first}.${last}${index}`
      .toLowerCase()
      .normalize('NFD')
      .replaceAll(/[^a-z0-9.]/g, '')
    return {
      uuid: crypto.randomUUID(),
      username,
      name: `${first} ${last}`,
      email: `${username}@example.org`,
      password: '!',
      is_active: random() > 0.02,
      type: random() > 0.05 ? 'internal' : 'external',
      path: random() > 0.1 ? 'users' : `users/team-${index % 20}`,
      attributes: { department: `team-${index % TEAMS}`, employee_number: String(index), settings: { locale: pick(['en', 'de', 'fr']) } },
      date_joined: new Date(now - Math.floor(random() * 4e10)),
      last_login: random() > 0.2 ? new Date(now - Math.floor(random() * 1e10)) : null,
      password_change_date: new Date(now),
      last_updated: new Date(now),
    }
  }
  try {
    await database.transaction(async trx => {
      await insertAll(
        trx,
        'user',
        Array.from({ length: count }, (_, index) => user(index)),
      )
      const ids = (await trx.selectFrom('user').select('id').orderBy('id').execute()).map(row => row.id)
      const group = (name: string) => ({ group_uuid: crypto.randomUUID(), name, is_superuser: false, attributes: {} })
      const teams = Array.from({ length: TEAMS }, (_, index) => group(`team-${index}`))
      const large = group('Everyone in the building')
      await insertAll(trx, 'group', [...teams, large])
      const memberships = ids.flatMap((id, index) => {
        const two = new Set([
          teams[index % TEAMS]!.group_uuid,
          ...(random() > 0.5 ? [pick(teams).group_uuid] : []),
          ...(index < LARGE_GROUP ? [large.group_uuid] : []),
        ])
        return [...two].map(uuid => ({ user: id, group: uuid }))
      })
      await insertAll(trx, 'user_group', memberships)
    })
    // What the server's own housekeeping does within a minute.
    if (home.database.engine === 'postgres') await sql`vacuum analyze`.execute(database.db)
  } finally {
    await database.close()
  }
}

/**
 * As many providers with an application each, like the one that is there. Past the API: what is measured is reading.
 * @param slug of the application that is there; its provider has the same name
 */
export async function seedApplications(home: Home, slug: string, count: number): Promise<void> {
  const database = await openDatabase(home.database)
  try {
    await database.transaction(async trx => {
      const { id: model, ...base } = await trx.selectFrom('provider').selectAll().where('name', '=', slug).executeTakeFirstOrThrow()
      const special = await trx.selectFrom('provider_oauth2').selectAll().where('id', '=', model).executeTakeFirstOrThrow()
      const application = await trx.selectFrom('application').selectAll().where('provider', '=', model).executeTakeFirstOrThrow()
      const target = await trx
        .selectFrom('policy_target')
        .selectAll()
        .where('pbm_uuid', '=', application.pbm_uuid)
        .executeTakeFirstOrThrow()
      const mappings = await trx.selectFrom('provider_property_mapping').selectAll().where('provider', '=', model).execute()
      const numbers = Array.from({ length: count }, (_, index) => ({ index, id: model + 1 + index, uuid: crypto.randomUUID() }))
      const json = (value: unknown) => JSON.stringify(value)
      await insertAll(
        trx,
        'provider',
        numbers.map(({ index, id }) => ({ ...base, id, name: `bench-${index}` })),
      )
      await insertAll(
        trx,
        'provider_oauth2',
        numbers.map(({ index, id }) => ({
          ...special,
          id,
          client_id: `bench-${index}`,
          grant_types: json(special.grant_types),
          redirect_uris: json([
            { matching_mode: 'strict', url: `https://app-${index}.example.org/callback`, redirect_uri_type: 'authorization' },
          ]),
        })),
      )
      await insertAll(
        trx,
        'provider_property_mapping',
        numbers.flatMap(({ id }) => mappings.map(link => ({ ...link, provider: id }))),
      )
      await insertAll(
        trx,
        'policy_target',
        numbers.map(({ uuid }) => ({ ...target, pbm_uuid: uuid })),
      )
      await insertAll(
        trx,
        'application',
        numbers.map(({ index, id, uuid }) => ({
          ...application,
          pbm_uuid: uuid,
          name: `Bench ${index}`,
          slug: `bench-${index}`,
          provider: id,
        })),
      )
    })
    if (home.database.engine === 'postgres') await sql`vacuum analyze`.execute(database.db)
  } finally {
    await database.close()
  }
}

/**
 * Binds a group to each application, and puts a person into those of all of them, another into that of one in a hundred.
 * @returns keys of both
 */
export async function seedAccess(home: Home): Promise<{ toAll: number; toSome: number }> {
  const database = await openDatabase(home.database)
  const group = (name: string) => ({ group_uuid: crypto.randomUUID(), name, is_superuser: false, attributes: {} })
  const [most, some] = [group('opens most'), group('opens some')]
  const now = new Date()
  try {
    const keys = await database.transaction(async trx => {
      await insertAll(trx, 'group', [most, some])
      const applications = await trx.selectFrom('application').select('pbm_uuid').orderBy('name').execute()
      const binding = { policy: null, user: null, order: 0, enabled: true, negate: false, timeout: 30, failure_result: false }
      await insertAll(
        trx,
        'policy_binding',
        applications.map(({ pbm_uuid: target }, index) => ({
          ...binding,
          policy_binding_uuid: crypto.randomUUID(),
          target,
          group: (index % 100 === 0 ? some : most).group_uuid,
        })),
      )
      const person = async (username: string, groups: { group_uuid: string }[]) => {
        const account = { uuid: crypto.randomUUID(), username, name: username, email: `${username}@example.org`, password: '!' }
        const values = { is_active: true, type: 'internal', path: 'users', attributes: {}, date_joined: now, last_updated: now }
        const { id } = await trx
          .insertInto('user')
          .values({ ...account, ...values, password_change_date: now, attributes: JSON.stringify({}) })
          .returning('id')
          .executeTakeFirstOrThrow()
        await insertAll(
          trx,
          'user_group',
          groups.map(({ group_uuid: key }) => ({ user: id, group: key })),
        )
        return id
      }
      return { toAll: await person('opens-all', [most, some]), toSome: await person('opens-some', [some]) }
    })
    if (home.database.engine === 'postgres') await sql`vacuum analyze`.execute(database.db)
    return keys
  } finally {
    await database.close()
  }
}
