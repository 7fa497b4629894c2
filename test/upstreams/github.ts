import { anOAuthServer, sendJson } from './oauth.ts'
import type { Person, Upstream } from './upstream.ts'

const HELP = 'https://docs.github.com/apps/managing-oauth-apps/troubleshooting-oauth-app-access-token-request-errors/'
const ERRORS = {
  bad_code: ['bad_verification_code', 'The code passed is incorrect or expired.'],
  bad_client: ['incorrect_client_credentials', 'The client_id and/or client_secret passed are incorrect.'],
  bad_redirect: ['redirect_uri_mismatch', 'The redirect_uri MUST match the registered callback URL for this application.'],
} as const

export type GitHubPerson = Person & {
  /** Shown in the profile; undefined keeps it hidden, as most people do. */
  publicEmail?: string
  /** Addresses beside `email`, which is the primary one. */
  moreEmails?: { email: string; verified: boolean }[]
}

/**
 * Answers as GitHub does: forms unless JSON is asked for, errors with status 200, a profile whose address is often hidden, and
 * `/user/emails` for those that have the scope.
 */
export const aGitHub = (people: GitHubPerson[]): Promise<Upstream> =>
  anOAuthServer(
    {
      name: 'GitHub',
      serves: ['https://github.com', 'https://api.github.com'],
      authorize: /^\/login\/oauth\/authorize$/,
      token: /^\/login\/oauth\/access_token$/,
      scopes: [],
      basic: true,
      granted(response, token, scope, json) {
        const answer = { access_token: token, scope: scope.join(','), token_type: 'bearer' }
        send(response, answer, json)
      },
      refused(response, error, json) {
        const [code, text] = ERRORS[error]
        send(response, { error: code, error_description: text, error_uri: `${HELP}#${code}` }, json)
      },
      resource({ path, headers }, who, response) {
        if (!headers['user-agent']) return void response.writeHead(403).end('Request forbidden by administrative rules.')
        if (!who) return sendJson(response, 401, { message: 'Requires authentication', documentation_url: HELP, status: '401' })
        const person = who.person as GitHubPerson
        const scopes = new Set(who.scope)
        if (path === '/user') return sendJson(response, 200, profile(person))
        if (path === '/user/emails' && (scopes.has('user:email') || scopes.has('user'))) return sendJson(response, 200, emails(person))
        return sendJson(response, 404, { message: 'Not Found', documentation_url: HELP, status: '404' })
      },
    },
    people,
  )

const send = (response: Parameters<typeof sendJson>[0], answer: Record<string, string>, json: boolean) =>
  json
    ? sendJson(response, 200, answer)
    : void response
        .writeHead(200, { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' })
        .end(new URLSearchParams(answer).toString())

const profile = (person: GitHubPerson) => ({
  login: person.username,
  id: Number(person.id),
  node_id: Buffer.from(`04:User${person.id}`).toString('base64'),
  avatar_url: person.picture ?? `https://avatars.githubusercontent.com/u/${person.id}?v=4`,
  gravatar_id: '',
  url: `https://api.github.com/users/${person.username}`,
  html_url: `https://github.com/${person.username}`,
  type: 'User',
  user_view_type: 'private',
  site_admin: false,
  name: person.name === '' ? null : person.name,
  company: null,
  blog: '',
  location: null,
  email: person.publicEmail ?? null,
  hireable: null,
  bio: null,
  public_repos: 2,
  followers: 20,
  following: 0,
  created_at: '2008-01-14T04:33:35Z',
  updated_at: '2008-01-14T04:33:35Z',
  two_factor_authentication: true,
})

const emails = ({ email, emailVerified = true, publicEmail, moreEmails = [] }: GitHubPerson) => [
  ...moreEmails.map(one => ({ ...one, primary: false, visibility: null })),
  ...(email ? [{ email, primary: true, verified: emailVerified, visibility: publicEmail === email ? 'public' : 'private' }] : []),
]
