import type { Ctx } from '../../../context.ts'
import type { Client } from '../client/client.ts'
import type { Parameters } from '../parameters.ts'
import { parseScope } from '../parameters.ts'

/** Where applications that know GitHub alone send people; elsewhere these scopes are like any other. */
export const AUTHORIZE = '/login/oauth/authorize'

/** What such applications ask for, and what people read of it. */
const SCOPES: Readonly<Record<string, string>> = {
  user: 'Your user name, name and e-mail address',
  'read:user': 'Your user name and name',
  'user:email': 'Your e-mail address',
  'read:org': 'Your groups',
}

export const isGithubScope = (name: string): boolean => Object.hasOwn(SCOPES, name)

/** Whether a request came by GitHub's address, to which the way back from the sign-in page leads as well. */
export const byGithubAddress = (ctx: Ctx): boolean => ctx.request?.path.endsWith(AUTHORIZE) ?? false

/**
 * The client as GitHub's address sees it: of GitHub's scopes it may have those that it asks for, although no mapping stands for them. A client that
 * registered itself may not: what an administrator lets such clients have is the most that they get.
 */
export function withGithubScopes(client: Client, params: Parameters): Client {
  if (client.home || client.registered) return client
  const asked = (parseScope(params.get('scope')) ?? []).filter(name => isGithubScope(name) && !client.scopes.includes(name))
  const mappings = asked.map(name => ({
    pm_uuid: name,
    name,
    managed: null,
    scope_name: name,
    description: SCOPES[name]!,
    expression: 'return {}',
  }))
  return asked.length === 0 ? client : { ...client, scopes: [...client.scopes, ...asked], mappings: [...client.mappings, ...mappings] }
}
