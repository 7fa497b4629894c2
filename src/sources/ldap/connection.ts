import { computed, flag, instant, internal, text } from '../../api/fields.ts'
import type { Model, Row } from '../../api/model.ts'
import type { Resource } from '../../api/mount.ts'
import { named } from '../../api/shapes.ts'
import type { Ctx } from '../../context.ts'
import { partialGroup, partialUser } from '../../core/user/present.ts'
import {
  connectionOperations,
  groupConnectionModel,
  GroupSourceConnection,
  userConnectionModel,
  UserSourceConnection,
} from '../connection.ts'
import { groupsBy, usersBy } from './objects.sql.ts'

const entry = {
  /** As the directory writes it. */
  dn: internal(text()),
  /** By which groups name the entry; the same for all spellings. */
  member_key: internal(text()),
  /** The object was made for the entry, and goes with it. */
  own: internal(flag(false)),
}

/** Whose a connection is, in the short form. */
const withPeople = (model: Model): Model => ({
  ...model,
  async present(ctx: Ctx, rows: Row[]) {
    const common = await UserSourceConnection.present!(ctx, rows, {})
    const users = new Map(
      (
        await usersBy(
          ctx,
          'id',
          rows.map(row => row.user as number),
        )
      ).map(user => [user.id, user]),
    )
    return rows.map((row, index) => ({ ...common[index], user_obj: partialUser(ctx, users.get(row.user)!) }))
  },
})

const withGroups = (model: Model): Model => ({
  ...model,
  async present(ctx: Ctx, rows: Row[]) {
    const common = await GroupSourceConnection.present!(ctx, rows, {})
    const groups = new Map(
      (
        await groupsBy(
          ctx,
          'group_uuid',
          rows.map(row => row.group as string),
        )
      ).map(group => [group.group_uuid, group]),
    )
    return rows.map((row, index) => ({ ...common[index], group_obj: partialGroup(groups.get(row.group)!) }))
  },
})

/** That an account is an entry of a directory. */
export const UserLDAPSourceConnection: Model = withPeople(
  userConnectionModel({
    name: 'UserLDAPSourceConnection',
    label: 'authentik_sources_ldap.userldapsourceconnection',
    verboseName: 'User LDAP Source Connection',
    table: 'user_ldap_source_connection',
    fields: {
      user_obj: computed(named('PartialUser')),
      ...entry,
      disabled: internal(flag(false)),
      missing_since: internal(instant({ nullable: true })),
    },
  }),
)

/** That a group is an entry of a directory. */
export const GroupLDAPSourceConnection: Model = withGroups(
  groupConnectionModel({
    name: 'GroupLDAPSourceConnection',
    label: 'authentik_sources_ldap.groupldapsourceconnection',
    verboseName: 'Group LDAP Source Connection',
    table: 'group_ldap_source_connection',
    fields: { group_obj: computed(named('PartialGroup')), ...entry },
  }),
)

export const ldapConnections: readonly Resource[] = [
  {
    path: '/sources/user_connections/ldap',
    model: UserLDAPSourceConnection,
    operations: connectionOperations(UserLDAPSourceConnection),
  },
  {
    path: '/sources/group_connections/ldap',
    model: GroupLDAPSourceConnection,
    operations: connectionOperations(GroupLDAPSourceConnection),
  },
]
