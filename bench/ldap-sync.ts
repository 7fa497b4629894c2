import { createHash } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { openDatabase, type Database } from '../src/db/database.ts'
import { ADMIN, ADMIN_PASSWORD, BASE, startSlapd, type LdifEntry, type Slapd } from '../test/slapd.ts'
import type { Benchmark } from './run.ts'
import { ADMIN_TOKEN, makeHome, startSignet, type Home, type Signet } from './lib/signet.ts'

const USERS = 10_000
const GROUPS = 500
/** People in each group, beside the one group within it. */
const MEMBERS = 60
const GOAL_SECONDS = 60
const GOAL_GROWTH = 60 // MiB
/** Memory of a server that has been left alone for so long is what growth is counted from. */
const IDLE = 6_000 // ms

/** A first and a second synchronisation with slapd, on both databases: how long, how much memory, and what the second one writes. */
export const benchmark: Benchmark = {
  order: 60,
  async run(say, note) {
    const slapd = await startSlapd({ entries: directory() })
    try {
      for (const engine of ['sqlite', 'postgres'] as const) {
        const home = await makeHome(engine)
        if (home.postgres !== undefined) note('postgresql', home.postgres)
        try {
          const signet = await startSignet(home, { SIGNET_OUTGOING_ALLOW: '127.0.0.1' })
          try {
            await measure(home, signet, slapd, say)
          } finally {
            await signet.stop()
          }
        } finally {
          await home.remove()
        }
      }
    } finally {
      await slapd.stop()
    }
  },
}

const person = (index: number): string => `uid=user${index},ou=people,${BASE}`
const group = (index: number): string => `cn=group ${index},ou=groups,${BASE}`

/** People with what people usually have, and groups each of which lies within the one of half its number. */
function* directory(): Generator<LdifEntry> {
  for (let index = 0; index < USERS; index++)
    yield {
      dn: person(index),
      objectClass: 'inetOrgPerson',
      uid: `user${index}`,
      cn: `Given${index % 97} Family${index % 1013}`,
      givenName: `Given${index % 97}`,
      sn: `Family${index % 1013}`,
      mail: `user${index}@example.test`,
      telephoneNumber: `+49 30 ${1_000_000 + index}`,
      title: 'Engineer',
      l: 'Berlin',
    }
  for (let index = 1; index <= GROUPS; index++)
    yield {
      dn: group(index),
      objectClass: 'groupOfNames',
      cn: `group ${index}`,
      member: [
        ...Array.from({ length: MEMBERS }, (_, at) => person((index * 37 + at * 163) % USERS)),
        ...[2 * index, 2 * index + 1].filter(child => child <= GROUPS).map(group),
      ],
    }
}

async function call<T>(signet: Signet, method: string, path: string, body?: object): Promise<T> {
  const answer = await fetch(`${signet.origin}/api/v3/${path}`, {
    method,
    headers: { authorization: `Bearer ${ADMIN_TOKEN}`, ...(body && { 'content-type': 'application/json' }) },
    ...(body && { body: JSON.stringify(body) }),
  })
  const text = await answer.text()
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text.slice(0, 500)}`)
  return JSON.parse(text) as T
}

type Counted = { users: Record<string, number>; groups: Record<string, number>; members: Record<string, number> }

/** Waits for the next synchronisation to end; watches the server's memory meanwhile. */
async function ends(database: Database, signet: Signet, number: number): Promise<{ largest: number; log: Counted }> {
  let largest = 0
  for (;;) {
    largest = Math.max(largest, signet.usage().rss)
    const tasks = await database.db
      .selectFrom('task')
      .select(['state', 'logs', 'created'])
      .where('actor_name', '=', 'ldap_sync')
      .orderBy('created')
      .execute()
    const task = tasks[number]
    if (task && task.state !== 'queued' && task.state !== 'running') {
      const logs = task.logs as { event: string; attributes: Counted }[]
      const log = logs.find(({ event }) => event === 'Synchronised')
      if (!log || task.state !== 'done') throw new Error(`the synchronisation failed: ${JSON.stringify(logs).slice(0, 2_000)}`)
      return { largest, log: log.attributes }
    }
    await delay(50)
  }
}

const TABLES = [
  'user',
  'group',
  'user_group',
  'group_parent',
  'user_source_connection',
  'user_ldap_source_connection',
  'group_source_connection',
  'group_ldap_source_connection',
] as const

/** A sum over everything that a synchronisation may write. */
async function contents(database: Database): Promise<string> {
  const sum = createHash('sha256')
  for (const table of TABLES)
    for (const row of (await database.db.selectFrom(table).selectAll().execute()).map(row => JSON.stringify(row)).toSorted())
      sum.update(row)
  return sum.digest('hex')
}

async function measure(home: Home, signet: Signet, slapd: Slapd, say: Parameters<Benchmark['run']>[0]): Promise<void> {
  const { engine } = home.database
  const database = await openDatabase(home.database)
  try {
    const mappings = await call<{ results: { managed: string; pk: string }[] }>(
      signet,
      'GET',
      'propertymappings/source/ldap/?page_size=100',
    )
    const keys = (...names: string[]) =>
      mappings.results.filter(({ managed }) => names.includes(managed.replace('goauthentik.io/sources/ldap/', ''))).map(({ pk }) => pk)
    await delay(IDLE)
    const before = signet.usage()
    let begun = performance.now()
    const { slug } = await call<{ slug: string }>(signet, 'POST', 'sources/ldap/', {
      name: 'Directory',
      slug: 'directory',
      server_uri: slapd.uri,
      bind_cn: ADMIN,
      bind_password: ADMIN_PASSWORD,
      base_dn: BASE,
      additional_user_dn: 'ou=people',
      additional_group_dn: 'ou=groups',
      user_object_filter: '(objectClass=inetOrgPerson)',
      group_object_filter: '(objectClass=groupOfNames)',
      object_uniqueness_field: 'entryUUID',
      sync_group_hierarchy: true,
      user_property_mappings: keys('openldap-uid', 'openldap-cn', 'default-mail', 'ms-givenName', 'ms-sn'),
      group_property_mappings: keys('openldap-cn'),
    })
    const first = await ends(database, signet, 0)
    const seconds = (performance.now() - begun) / 1_000
    const growth = first.largest - before.rss
    if (first.log.users.created !== USERS || first.log.groups.created !== GROUPS) throw new Error(JSON.stringify(first.log))
    say({
      case: `${engine}: ${USERS} people and ${GROUPS} nested groups, the first time`,
      figures: { seconds, 'more MiB': growth },
      cpu: (signet.usage().cpu - before.cpu) / (USERS + GROUPS),
      goal: { text: `≤ ${GOAL_SECONDS} s, ≤ ${GOAL_GROWTH} MiB more`, met: seconds <= GOAL_SECONDS && growth <= GOAL_GROWTH },
    })

    const sum = await contents(database)
    const middle = signet.usage()
    begun = performance.now()
    await call(signet, 'PATCH', `sources/ldap/${slug}/`, { name: 'Directory' })
    const second = await ends(database, signet, 1)
    const again = (performance.now() - begun) / 1_000
    const { users, groups, members } = second.log
    const writes = [users, groups, members].flatMap(counts => Object.values(counts)).reduce((all, one) => all + one, 0)
    say({
      case: `${engine}: the second time`,
      figures: { seconds: again, writes, 'more MiB': second.largest - before.rss },
      cpu: (signet.usage().cpu - middle.cpu) / (USERS + GROUPS),
      goal: {
        text: `≤ ${GOAL_SECONDS} s, ≤ ${GOAL_GROWTH} MiB more, nothing written`,
        met: again <= GOAL_SECONDS && second.largest - before.rss <= GOAL_GROWTH && writes === 0 && sum === (await contents(database)),
      },
    })
  } finally {
    await database.close()
  }
}
