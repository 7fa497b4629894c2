import type { Connection } from '../lib/load.ts'
import { posted, type Side } from './side.ts'
import { Visitor } from './visitor.ts'

/** What is compared: the same steps of both sides. */
export type Case = {
  /** By which it is chosen. */
  name: string
  title: string
  /** Makes one side ready; its operation, by the number of the connection that it is to go over. */
  prepare: (side: Side, connections: readonly Connection[]) => Promise<(client: number) => Promise<unknown>>
}

const clientCredentials = (name: 'es256' | 'rs256' | 'claims', title: string): Case => ({
  name: `client-credentials-${name}`,
  title: `client-credentials token, ${title}`,
  async prepare({ paths, machines }, connections) {
    const { client, form } = machines[name]
    const call = posted(paths.token, client, { grant_type: 'client_credentials', ...form })
    return client => connections[client]!.expect(200, call)
  },
})

const document = (name: 'discovery' | 'jwks', title: string): Case => ({
  name,
  title,
  prepare:
    async ({ paths }, connections) =>
    client =>
      connections[client]!.expect(200, { path: paths[name] }),
})

const signedIn = (side: Side, connections: readonly Connection[]): Promise<Visitor[]> =>
  Promise.all(connections.map(connection => Visitor.signedIn(side, connection)))

/** Asks about one token again and again. */
async function introspecting(
  { paths }: Side,
  client: Side['applications']['plain']['client'],
  token: string,
  connections: readonly Connection[],
) {
  const call = posted(paths.introspection, client, { token })
  const { text } = await connections[0]!.expect(200, call)
  if (!(JSON.parse(text) as { active: boolean }).active) throw new Error('the token to introspect is not active')
  return (number: number) => connections[number]!.expect(200, call)
}

export const cases: readonly Case[] = [
  clientCredentials('es256', 'ES256'),
  clientCredentials('rs256', 'RS256'),
  clientCredentials('claims', 'ES256, with the claims of `profile` on our side alone'),
  {
    name: 'code',
    title: 'code, token, userinfo',
    async prepare(side, connections) {
      const application = side.applications.plain
      const visitors = await signedIn(side, connections)
      return async client => {
        const visitor = visitors[client]!
        const { access_token: token } = await visitor.redeem(application, await visitor.authorize(application))
        await visitor.userinfo(token)
      }
    },
  },
  {
    name: 'code-jwt',
    title: 'code, token (access tokens are JWTs on both sides)',
    async prepare(side, connections) {
      const application = side.applications.plain
      const visitors = await signedIn(side, connections)
      return async client => {
        const visitor = visitors[client]!
        await visitor.redeem(application, await visitor.authorize(application, side.jwt), side.jwt)
      }
    },
  },
  {
    name: 'refresh',
    title: 'refresh with rotation (access tokens are JWTs on both sides)',
    async prepare(side, connections) {
      const application = side.applications.refreshing
      const visitors = await signedIn(side, connections)
      const tokens = await Promise.all(
        visitors.map(async visitor => visitor.redeem(application, await visitor.authorize(application, side.jwt), side.jwt)),
      )
      return async client => {
        tokens[client] = await visitors[client]!.refresh(application, tokens[client]!.refresh_token!, side.jwt)
      }
    },
  },
  {
    name: 'introspection',
    title: 'introspection of a client-credentials token',
    async prepare(side, connections) {
      const { client, form } = side.machines.introspected
      const { text } = await connections[0]!.expect(200, posted(side.paths.token, client, { grant_type: 'client_credentials', ...form }))
      return introspecting(side, client, (JSON.parse(text) as { access_token: string }).access_token, connections)
    },
  },
  {
    name: 'introspection-person',
    title: "introspection of a person's token",
    async prepare(side, connections) {
      const application = side.applications.plain
      const visitor = await Visitor.signedIn(side, connections[0]!)
      const { access_token: token } = await visitor.redeem(application, await visitor.authorize(application))
      return introspecting(side, application.client, token, connections)
    },
  },
  {
    name: 'userinfo',
    title: 'userinfo',
    async prepare(side, connections) {
      const application = side.applications.plain
      const visitors = await signedIn(side, connections)
      const tokens = await Promise.all(visitors.map(async visitor => visitor.redeem(application, await visitor.authorize(application))))
      return client => visitors[client]!.userinfo(tokens[client]!.access_token)
    },
  },
  document('discovery', 'discovery document'),
  document('jwks', 'JWKS'),
]
