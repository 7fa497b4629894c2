import { anOAuthServer, sendJson } from './oauth.ts'
import type { Person, Upstream } from './upstream.ts'

const ERRORS = {
  bad_code: ['Invalid verification code format.', 100],
  bad_client: ['Error validating client secret.', 1],
  bad_redirect: ['Error validating verification code. Please make sure your redirect_uri is identical to the one you used', 100],
} as const

const error = (message: string, code: number) => ({
  error: { message, type: 'OAuthException', code, fbtrace_id: 'AbCdEfGhIjKlMnOpQrStUv' },
})

/**
 * Answers as Facebook's Graph API does: addresses carry a version, client and secret are parameters, `/me` tells id and name, and more
 * only of what `fields` names. People may have no address, and nothing says whether one is verified.
 */
export const aFacebook = (people: Person[]): Promise<Upstream> =>
  anOAuthServer(
    {
      name: 'Facebook',
      serves: ['https://www.facebook.com', 'https://graph.facebook.com'],
      authorize: /^(?:\/v[\d.]+)?\/dialog\/oauth$/,
      token: /^(?:\/v[\d.]+)?\/oauth\/access_token$/,
      scopes: ['public_profile'],
      basic: false,
      granted: (response, token) => sendJson(response, 200, { access_token: token, token_type: 'bearer', expires_in: 5_183_944 }),
      refused(response, why) {
        const [message, code] = ERRORS[why]
        sendJson(response, 400, error(message, code))
      },
      resource({ path, query }, who, response) {
        if (!/^(?:\/v[\d.]+)?\/me$/.test(path)) return sendJson(response, 404, error('Unsupported get request.', 100))
        if (!who)
          return sendJson(response, 400, error('An active access token must be used to query information about the current user.', 2500))
        sendJson(response, 200, profile(who.person, who.scope, query.get('fields')))
      },
    },
    people,
  )

function profile(person: Person, scope: string[], fields: string | null): Record<string, unknown> {
  const known: Record<string, unknown> = {
    id: person.id,
    name: person.name,
    ...(person.email && scope.includes('email') && { email: person.email }),
    picture: { data: { height: 50, is_silhouette: false, url: person.picture ?? 'https://platform-lookaside.fbsbx.com/p.jpg', width: 50 } },
  }
  const wanted = ['id', ...(fields ?? 'name').split(',')]
  return Object.fromEntries(Object.entries(known).filter(([name]) => wanted.includes(name)))
}
