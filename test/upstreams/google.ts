import { anOAuthServer, sendJson } from './oauth.ts'
import type { Person, Upstream } from './upstream.ts'

const ERRORS = {
  bad_code: [400, { error: 'invalid_grant', error_description: 'Bad Request' }],
  bad_client: [401, { error: 'invalid_client', error_description: 'Unauthorized' }],
  bad_redirect: [400, { error: 'redirect_uri_mismatch', error_description: 'Bad Request' }],
} as const

/** Answers as Google does: a profile with `id` and `verified_email` in versions 1 and 2, with `sub` and `email_verified` in version 3. */
export const aGoogle = (people: Person[]): Promise<Upstream> =>
  anOAuthServer(
    {
      name: 'Google',
      serves: [
        'https://accounts.google.com',
        'https://oauth2.googleapis.com',
        'https://www.googleapis.com',
        'https://openidconnect.googleapis.com',
      ],
      authorize: /^\/o\/oauth2\/(?:v2\/)?auth$/,
      token: /^(?:\/oauth2\/v4|\/o\/oauth2)?\/token$/,
      scopes: [],
      basic: true,
      granted: (response, token, scope) =>
        sendJson(response, 200, { access_token: token, expires_in: 3599, scope: scope.join(' '), token_type: 'Bearer' }),
      refused(response, why) {
        const [status, error] = ERRORS[why]
        sendJson(response, status, error)
      },
      resource({ path }, who, response) {
        const version = /^(?:\/oauth2\/(v[123]))?\/userinfo$/.exec(path)
        if (!version) return void response.writeHead(404).end()
        if (!who) {
          const message = 'Request is missing required authentication credential.'
          return sendJson(response, 401, { error: { code: 401, message, status: 'UNAUTHENTICATED' } })
        }
        const newest = version[1] === undefined || version[1] === 'v3'
        sendJson(response, 200, profile(who.person, who.scope, newest))
      },
    },
    people,
  )

const has = (scope: string[], name: string) => scope.some(one => one === name || one === `https://www.googleapis.com/auth/userinfo.${name}`)

const profile = (person: Person, scope: string[], newest: boolean) => ({
  [newest ? 'sub' : 'id']: person.id,
  ...(has(scope, 'email') && { email: person.email, [newest ? 'email_verified' : 'verified_email']: person.emailVerified ?? true }),
  ...(has(scope, 'profile') && {
    name: person.name,
    given_name: person.name.split(' ')[0],
    family_name: person.name.split(' ').slice(1).join(' '),
    picture: person.picture ?? 'https://lh3.googleusercontent.com/a/default-user=s96-c',
    ...(person.locale && { locale: person.locale }),
  }),
})
