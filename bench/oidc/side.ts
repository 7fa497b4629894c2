import type { Call, Connection } from '../lib/load.ts'
import type { Jar } from '../lib/jar.ts'

/** A client, and what its requests bring beyond what everybody's do. */
export type Client = { client_id: string; client_secret: string }

/** One of the two that are compared, so far as they are called differently. */
export type Side = {
  name: string
  pid: number
  origin: string
  paths: Record<'authorize' | 'token' | 'userinfo' | 'introspection' | 'discovery' | 'jwks', string>
  /**
   * Who asks for client-credentials tokens, and with what: JWTs of two algorithms, one by ES256 with what a scope tells of the account where there
   * is such a thing, and one to introspect.
   */
  machines: Record<'es256' | 'rs256' | 'claims' | 'introspected', { client: Client; form: Record<string, string> }>
  /** Whom people sign in to: one that gets refresh tokens, and one that gets none. */
  applications: Record<'plain' | 'refreshing', { client: Client; scope: string }>
  /** What makes access tokens of people JWTs, where they are not anyway. */
  jwt: Record<string, string>
  /** Signs somebody in, whose cookies are then in the jar. */
  signIn: (connection: Connection, jar: Jar) => Promise<void>
}

const basic = ({ client_id, client_secret }: Client) =>
  `Basic ${Buffer.from(`${encodeURIComponent(client_id)}:${encodeURIComponent(client_secret)}`).toString('base64')}`

/** A form that a client posts, proving who it is. */
export const posted = (path: string, client: Client, form: Record<string, string>): Call => ({
  method: 'POST',
  path,
  headers: { authorization: basic(client), 'content-type': 'application/x-www-form-urlencoded' },
  body: new URLSearchParams(form).toString(),
})
