import { hidden, instant, sealed, text } from '../../api/fields.ts'
import type { Model } from '../../api/model.ts'
import type { Resource } from '../../api/mount.ts'
import { connectionOperations, groupConnectionModel, userConnectionModel, UserSourceConnection } from '../connection.ts'

/** An account at an OAuth source, with the tokens that the last sign-in brought, sealed: for expressions that ask the provider for more. */
export const UserOAuthSourceConnection: Model = userConnectionModel({
  name: 'UserOAuthSourceConnection',
  label: 'authentik_sources_oauth.useroauthsourceconnection',
  verboseName: 'User OAuth Source Connection',
  table: 'user_oauth_source_connection',
  fields: {
    access_token: hidden(sealed(text({ nullable: true }))),
    refresh_token: { ...hidden(sealed(text({ nullable: true }))), readOnly: true },
    /** When the access token ends; null where the provider does not say. */
    expires: instant({ nullable: true }),
  },
  // Where the provider does not say, neither do we: the contract knows no null here.
  present: async (ctx, rows, query) =>
    (await UserSourceConnection.present!(ctx, rows, query)).map((shown, index) => ({
      ...shown,
      ...(rows[index]!.expires === null && { expires: undefined }),
    })),
})

export const GroupOAuthSourceConnection: Model = groupConnectionModel({
  name: 'GroupOAuthSourceConnection',
  label: 'authentik_sources_oauth.groupoauthsourceconnection',
  verboseName: 'Group OAuth Source Connection',
  table: 'group_oauth_source_connection',
  fields: {},
})

export const oauthConnections: readonly Resource[] = [
  {
    path: '/sources/user_connections/oauth',
    model: UserOAuthSourceConnection,
    operations: connectionOperations(UserOAuthSourceConnection),
  },
  {
    path: '/sources/group_connections/oauth',
    model: GroupOAuthSourceConnection,
    operations: connectionOperations(GroupOAuthSourceConnection),
  },
]
