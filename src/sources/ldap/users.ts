import { isDeepStrictEqual } from 'node:util'
import { changeObject, deleteObject, eventModel } from '../../api/objects.ts'
import type { Row } from '../../api/model.ts'
import { findObject, insertObject, updateObject, withDefaults } from '../../api/store.ts'
import type { Ctx } from '../../context.ts'
import { isUsable } from '../../core/password/passwords.ts'
import { endSessionsOf } from '../../core/session/session.ts'
import { UNUSABLE_PASSWORD, User } from '../../core/people.ts'
import { userHooks } from '../../core/user/hooks.ts'
import { recordEvent } from '../../events/record.ts'
import { match, propertyOf } from '../matching.ts'
import { userPath } from '../source.ts'
import { parseFilter } from './client.ts'
import { UserLDAPSourceConnection } from './connection.ts'
import { below, normalDn } from './dn.ts'
import { firstText, readEntry, type Entry } from './entry.ts'
import { userConnectionsOf, usersBy, type UserConnection } from './objects.sql.ts'
import { overlaid, propertiesOf, userColumns } from './properties.ts'
import { skip, written, type Sync } from './run.ts'
import { isDisabled, passwordChanged } from './state.ts'

/** A person as the directory has them, ready to be written. */
type Person = { entry: Entry; identifier: string; values: Row; memberKey: string; disabled: boolean; passwordChanged: Date | undefined }

/** Makes accounts of the people of a directory. Pages are read and mapped first, then written in one go each. */
export async function syncUsers(sync: Sync): Promise<void> {
  const { source, directory } = sync
  const seen = new Set<string>()
  const base = below(source.base_dn, source.additional_user_dn)
  for await (const page of directory.pages(base, parseFilter(source.user_object_filter), { size: sync.ctx.config.ldap.page_size })) {
    const people: Person[] = []
    for (const raw of page) {
      sync.signal.throwIfAborted()
      const person = await readPerson(sync, readEntry(raw, sync.schema), seen)
      if (person) people.push(person)
    }
    await written(sync, sync => writePeople(sync, people))
  }
  await removeMissing(sync, seen)
}

async function readPerson(sync: Sync, entry: Entry, seen: Set<string>): Promise<Person | undefined> {
  const { source } = sync
  const identifier = firstText(entry, source.object_uniqueness_field)
  if (identifier === undefined || identifier === '') {
    skip(sync, 'users', entry.dn, `The entry has no ${source.object_uniqueness_field}`)
    return undefined
  }
  if (seen.has(identifier)) {
    skip(sync, 'users', entry.dn, `Another entry has the same ${source.object_uniqueness_field}`)
    return undefined
  }
  seen.add(identifier)
  const properties = await propertiesOf(sync, 'user', entry, identifier)
  if (!properties) return undefined
  const values = userColumns(properties, why => sync.tell('warning', why, { dn: entry.dn }))
  return {
    entry,
    identifier,
    values,
    memberKey: memberKey(source.user_membership_attribute, entry, identifier, values.attributes as Row),
    disabled: isDisabled(entry),
    passwordChanged: passwordChanged(entry),
  }
}

/** By which groups name somebody: their entry's name, or the value that they have under another one. */
function memberKey(attribute: string, entry: Entry, identifier: string, attributes: Row): string {
  if (attribute.toLowerCase() === 'distinguishedname') return normalDn(entry.dn)
  if (attribute === 'ldap_uniq') return normalDn(identifier)
  const [mapped] = [attributes[attribute]].flat()
  return normalDn(typeof mapped === 'string' ? mapped : (firstText(entry, attribute) ?? ''))
}

/** Writes a page. Runs in a transaction. */
async function writePeople(sync: Sync, people: readonly Person[]): Promise<void> {
  const { ctx, source } = sync
  const connections = new Map(
    (
      await userConnectionsOf(
        ctx,
        source.pbm_uuid,
        people.map(person => person.identifier),
      )
    ).map(row => [row.identifier, row]),
  )
  const known = new Map(
    (
      await usersBy(
        ctx,
        'id',
        [...connections.values()].map(row => row.user),
      )
    ).map(row => [row.id as number, row]),
  )
  const strangers = people.filter(person => !connections.has(person.identifier))
  const texts = (name: string) => strangers.map(person => person.values[name]).filter(value => typeof value === 'string' && value !== '')
  const named = new Map((await usersBy(ctx, 'username', texts('username') as string[])).map(row => [row.username as string, row]))
  const property = propertyOf(source.user_matching_mode)
  const compared = property === 'email' ? await usersBy(ctx, 'email', texts('email') as string[]) : [...named.values()]
  const fresh: Fresh[] = []
  for (const person of people) {
    const connection = connections.get(person.identifier)
    if (connection) await updatePerson(sync, person, known.get(connection.user)!, connection)
    else {
      const candidates = property ? compared.filter(row => row[property] === person.values[property]) : []
      const account = await newAccount(sync, person, named, candidates)
      if (account) fresh.push({ person, account })
    }
  }
  await createAccounts(sync, fresh)
}

/** An account that is to be made, and for whom. */
type Fresh = { person: Person; account: Row }

const connectionValues = (person: Person) => ({
  dn: person.entry.dn,
  member_key: person.memberKey,
  disabled: person.disabled,
  missing_since: null,
})

/**
 * Somebody whom the source has not brought before: answers the account to be made for them, or connects the one that the matching mode
 * finds.
 */
async function newAccount(sync: Sync, person: Person, named: Map<string, Row>, candidates: readonly Row[]): Promise<Row | undefined> {
  const { ctx, source } = sync
  const { values, identifier, entry, disabled } = person
  const refuse = (why: string): undefined => {
    skip(sync, 'users', entry.dn, why)
  }
  const property = propertyOf(source.user_matching_mode)
  const decision = match({
    mode: source.user_matching_mode,
    signedIn: null,
    connected: null,
    property: property && (values[property] as string | undefined),
    // Who writes into the directory is trusted with the accounts of its people.
    emailVerified: true,
    candidates: candidates.map(row => row.id as number),
  })
  if (decision.action === 'deny') return refuse(REASONS[decision.reason] ?? 'The account cannot be told')
  if (decision.action === 'enroll') {
    const username = values.username as string | undefined
    if (username === undefined) return refuse('No mapping gives the account a username')
    if (named.has(username)) return refuse(`Another account is called ${username}; connect it, or choose another matching mode`)
    const {
      groups: _,
      roles: __,
      ...account
    } = withDefaults(ctx, User, {
      name: username,
      path: userPath(source),
      ...values,
      is_active: !disabled && values.is_active !== false,
    })
    named.set(username, account)
    return account
  }
  const user = candidates.find(row => row.id === decision.user)!
  // What the program keeps for itself belongs to no directory.
  if (user.type === 'internal_service_account') return refuse(`${String(user.username)} belongs to the program itself`)
  const link = { user: user.id, source: source.pbm_uuid, identifier, own: false, ...connectionValues(person) }
  const connection = await insertObject(ctx, UserLDAPSourceConnection, withDefaults(ctx, UserLDAPSourceConnection, link))
  await recordEvent(
    ctx,
    'source_linked',
    { message: `Connected by LDAP source ${source.name}.`, source: source.name, identifier },
    { user },
  )
  sync.counts.users.linked++
  await updatePerson(sync, person, user, { ...(connection as unknown as UserConnection), disabled: false })
  return undefined
}

/** Stores the accounts of a page in three statements, however many there are. */
async function createAccounts({ ctx, source, counts }: Sync, fresh: readonly Fresh[]): Promise<void> {
  if (fresh.length === 0) return
  const accounts = await ctx.db
    .insertInto('user')
    .values(fresh.map(({ account }) => account) as never)
    .returning(['id', 'username'])
    .execute()
  const keys = new Map(accounts.map(row => [row.username, row.id]))
  const now = ctx.now()
  const connections = await ctx.db
    .insertInto('user_source_connection')
    .values(
      fresh.map(({ person, account }) => ({
        kind: UserLDAPSourceConnection.label,
        user: keys.get(account.username as string)!,
        source: source.pbm_uuid,
        identifier: person.identifier,
        created: now,
        last_updated: now,
      })),
    )
    .returning(['id', 'identifier'])
    .execute()
  const ids = new Map(connections.map(row => [row.identifier, row.id]))
  await ctx.db
    .insertInto('user_ldap_source_connection')
    .values(fresh.map(({ person }) => ({ id: ids.get(person.identifier)!, own: true, ...connectionValues(person) })))
    .execute()
  counts.users.created += fresh.length
}

const REASONS: Readonly<Record<string, string>> = {
  missing_property: 'The entry lacks what the matching mode compares',
  ambiguous: 'Several accounts match',
  exists: 'An account with the same name or address exists, and the matching mode does not connect it',
}

/** Brings an account to what the directory says, where that is something else. */
async function updatePerson(sync: Sync, person: Person, user: Row, connection: UserConnection): Promise<void> {
  const { ctx, source } = sync
  const values: Row = {}
  const wanted = activity(person, connection, user)
  for (const [name, value] of Object.entries({ ...person.values, ...wanted })) {
    const next = name === 'attributes' ? overlaid(user.attributes as Row, value as Row) : value
    if (!isDeepStrictEqual(user[name], next)) values[name] = next
  }
  if (values.username !== undefined && (await usersBy(ctx, 'username', [values.username as string])).length > 0) {
    sync.tell('warning', `Another account is called ${String(values.username)}`, { dn: person.entry.dn })
    delete values.username
  }
  const fresh = { ...connectionValues(person), own: connection.own ?? false }
  if (!isDeepStrictEqual(fresh, pick(connection, fresh))) await keepConnection(ctx, connection, fresh)
  // The copy of a password that was changed in the directory must not open anything.
  if (source.password_login_update_internal_password && isUsable(user.password as string) && isLater(person.passwordChanged, user))
    values.password = UNUSABLE_PASSWORD
  if (Object.keys(values).length === 0) return
  await changeObject(ctx, User, user, values, userHooks)
  sync.counts.users.updated++
}

const isLater = (changed: Date | undefined, user: Row): boolean => changed !== undefined && changed > (user.password_change_date as Date)

const pick = (row: object, names: object): Row => Object.fromEntries(Object.keys(names).map(name => [name, (row as Row)[name]]))

async function keepConnection(ctx: Ctx, connection: UserConnection, values: Row): Promise<void> {
  if (connection.dn !== null) return updateObject(ctx, UserLDAPSourceConnection, connection.id, { ...values, last_updated: ctx.now() })
  await ctx.db
    .insertInto('user_ldap_source_connection')
    .values({ id: connection.id, ...values } as never)
    .execute()
}

/**
 * Whether the account may be used. The directory switches accounts off, and on again those that it switched off itself: who was
 * switched off here stays so. A mapping that says something has the last word.
 */
function activity({ disabled, values }: Person, connection: UserConnection, user: Row): Row {
  if (values.is_active !== undefined) return {}
  if (disabled) return { is_active: false }
  return connection.disabled && !user.is_active ? { is_active: true } : {}
}

/** What becomes of accounts whose entry is gone. */
async function removeMissing(sync: Sync, seen: ReadonlySet<string>): Promise<void> {
  const { source } = sync
  const connections = await userConnectionsOf(sync.ctx, source.pbm_uuid)
  const missing = connections.filter(connection => !seen.has(connection.identifier))
  if (seen.size === 0 && missing.length > 0) {
    sync.tell('warning', 'The directory shows nobody at all: nobody is removed', { accounts: missing.length })
    return
  }
  for (const connection of missing) {
    sync.signal.throwIfAborted()
    if (!source.delete_not_found_objects && connection.missing_since !== null) continue
    await written(sync, async ({ ctx, counts }) => {
      const user = (await findObject(ctx, User, connection.user))!
      await endSessionsOf(ctx, connection.user)
      if (!source.delete_not_found_objects) {
        await keepConnection(ctx, connection, {
          dn: connection.dn ?? '',
          member_key: connection.member_key ?? '',
          own: connection.own ?? false,
          disabled: connection.disabled ?? false,
          missing_since: ctx.now(),
        })
        await recordEvent(ctx, 'model_updated', {
          model: eventModel(User, user),
          message: `The entry of the account is gone from LDAP source ${source.name}; its sessions were ended.`,
        })
      } else if (connection.own) await deleteObject(ctx, User, user, userHooks)
      else await deleteObject(ctx, UserLDAPSourceConnection, { ...connection })
      counts.users.removed++
    })
  }
}
