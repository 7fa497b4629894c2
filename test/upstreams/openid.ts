import { generateKeyPairSync, randomBytes, randomUUID } from 'node:crypto'
import { importJWK, SignJWT, type JWK, type JWTPayload } from 'jose'
// @ts-expect-error -- comes without types
import { Provider } from 'oidc-provider'
import { aShelf } from './shelf.ts'
import { askWho, listen, type Handler, type Person, type Registration, type Upstream } from './upstream.ts'

export type OpenID = Omit<Upstream, 'register'> & {
  /** Address of the discovery document. */
  wellKnown: string
  /** An application; it is told of sign-outs (OpenID Connect Back-Channel Logout 1.0) by a POST to `logout`. */
  register: (redirect: string, logout?: string) => Registration
  /** Signs claims with the key of its ID tokens; `header` changes what the token says of itself. */
  sign: (claims: JWTPayload, header?: { alg?: string; kid?: string; typ?: string }) => Promise<string>
  /** A token that tells of a sign-out, as it would send it; `claims` come beside the usual ones, or in their place. */
  logoutToken: (client: Registration, claims: JWTPayload) => Promise<string>
  /** Sessions that it has begun, for each application. */
  sessions: { person: string; client: string; sid: string }[]
  /** Ends what somebody has there, and tells each application that asked to be told. Rejects when one does not take it. */
  signOut: (person: string) => Promise<void>
  /** Signs with a new key from now on, and publishes that alone. */
  rotateKeys: () => void
}

const ALG = 'RS256'
const aKey = (): JWK => ({
  ...(generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' }) as JWK),
  kid: randomUUID(),
  use: 'sig',
  alg: ALG,
})
const secret = () => randomBytes(20).toString('hex')
const HOUR = 3600

/** A real OpenID provider, npm's oidc-provider: discovery, code flow with PKCE, user info, back-channel logout. */
export async function anOpenIDProvider(people: Person[], name = 'Example Accounts'): Promise<OpenID> {
  const { serve, ...server } = await listen()
  const shelf = aShelf()
  const clients: Record<string, unknown>[] = []
  const sessions: OpenID['sessions'] = []
  let key = aKey()
  let provider = build()

  function build() {
    const made = new Provider(server.origin, configuration(people, clients, key, shelf))
    made.on('authorization.success', ({ oidc: { session, client } }: any) => {
      const sid: string = session.sidFor(client.clientId)
      if (!sessions.some(one => one.sid === sid)) sessions.push({ person: session.accountId, client: client.clientId, sid })
    })
    return made
  }
  const upstream: OpenID = {
    ...server,
    serves: [],
    people,
    sessions,
    wellKnown: `${server.origin}/.well-known/openid-configuration`,
    register(redirect, logout) {
      const registration = { client_id: secret(), client_secret: secret(), redirect_uris: [redirect] }
      const told = logout !== undefined && { backchannel_logout_uri: logout, backchannel_logout_session_required: true }
      clients.push({ ...registration, ...told })
      provider = build()
      return registration
    },
    async sign(claims, header) {
      return new SignJWT(claims).setProtectedHeader({ alg: ALG, kid: key.kid!, ...header }).sign(await importJWK(key, ALG))
    },
    logoutToken({ client_id }, claims) {
      const iat = Math.floor(Date.now() / 1000)
      const events = { 'http://schemas.openid.net/event/backchannel-logout': {} }
      const usual = { iss: server.origin, aud: client_id, iat, exp: iat + 120, jti: randomUUID(), events }
      return upstream.sign({ ...usual, ...claims }, { typ: 'logout+jwt' })
    },
    async signOut(person) {
      const ended = sessions.filter(one => one.person === person)
      sessions.splice(0, sessions.length, ...sessions.filter(one => one.person !== person))
      for (const { client, sid } of ended) {
        const found = await provider.Client.find(client)
        if (found.backchannelLogoutUri) await found.backchannelLogout(person, sid)
      }
    },
    rotateKeys() {
      key = aKey()
      provider = build()
    },
  }
  const interact: Handler = async ({ path, query }, request, response) => {
    const chosen = query.get('choice') ?? upstream.signsIn
    if (chosen === undefined) return askWho(response, name, people, id => `${path}?choice=${id ?? ''}`)
    const result = people.some(({ id }) => id === chosen)
      ? { login: { accountId: chosen } }
      : { error: 'access_denied', error_description: 'The person said no' }
    await provider.interactionFinished(request, response, result, { mergeWithLastSubmission: false })
  }
  serve((asked, request, response) =>
    asked.path.startsWith('/interaction/') ? interact(asked, request, response) : provider.callback()(request, response),
  )
  return upstream
}

const CLAIMS = {
  openid: ['sub'],
  profile: ['name', 'preferred_username', 'nickname', 'picture', 'locale'],
  email: ['email', 'email_verified'],
  groups: ['groups'],
}

const claimsOf = ({ id, username, name, email, emailVerified, picture, locale, groups, claims }: Person) => ({
  sub: id,
  name,
  preferred_username: username,
  nickname: username,
  ...(email && { email, ...(emailVerified !== undefined && { email_verified: emailVerified }) }),
  ...(picture && { picture }),
  ...(locale && { locale }),
  ...(groups && { groups }),
  ...claims,
})

const configuration = (people: Person[], clients: readonly unknown[], key: JWK, adapter: ReturnType<typeof aShelf>) => ({
  adapter,
  clients: [...clients],
  jwks: { keys: [key] },
  cookies: { keys: ['of no worth'] },
  claims: { ...CLAIMS, extra: people.flatMap(({ claims = {} }) => Object.keys(claims)) },
  scopes: ['openid', 'offline_access'],
  ttl: { AccessToken: HOUR, IdToken: HOUR, Interaction: HOUR, Session: HOUR, Grant: HOUR },
  features: { devInteractions: { enabled: false }, backchannelLogout: { enabled: true } },
  fetch: (url: string, { method, headers, body, signal }: RequestInit) => fetch(url, { method, headers, body, signal, redirect: 'manual' }),
  interactions: { url: (_: unknown, { uid }: { uid: string }) => `/interaction/${uid}` },
  findAccount(_: unknown, id: string) {
    const person = people.find(one => one.id === id)
    return person && { accountId: id, claims: () => claimsOf(person) }
  },
  /** Nobody is asked what the application may know. */
  async loadExistingGrant({ oidc }: any) {
    const known = oidc.session.grantIdFor(oidc.client.clientId)
    const grant = known
      ? await oidc.provider.Grant.find(known)
      : new oidc.provider.Grant({ clientId: oidc.client.clientId, accountId: oidc.session.accountId })
    grant.addOIDCScope([...oidc.requestParamScopes].join(' '))
    await grant.save()
    return grant
  },
})
