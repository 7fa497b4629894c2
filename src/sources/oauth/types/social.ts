import type { Row } from '../../../api/model.ts'
import { flagOf, idOf, objectOf, textOf, type ProviderType, NO_URLS } from './type.ts'

/** Providers of OAuth 2 with answers of their own shapes, as their documentation gives them. */

/** Google's older answer, whose ids are those that accounts were linked by before. @see https://developers.google.com/identity/protocols/oauth2/web-server */
export const google: ProviderType = {
  name: 'google',
  verbose_name: 'Google',
  urls_customizable: false,
  request_token_url: null,
  authorization_url: 'https://accounts.google.com/o/oauth2/auth',
  access_token_url: 'https://oauth2.googleapis.com/token',
  profile_url: 'https://www.googleapis.com/oauth2/v1/userinfo',
  oidc_well_known_url: 'https://accounts.google.com/.well-known/openid-configuration',
  oidc_jwks_url: 'https://www.googleapis.com/oauth2/v3/certs',
  scopes: ['email', 'profile'],
  clientAuth: 'post_body',
  profileFrom: 'url',
  idToken: false,
  read: info => ({
    identifier: idOf(info.id),
    properties: { email: textOf(info.email), name: textOf(info.name) },
    emailVerified: flagOf(info.verified_email),
  }),
}

/** One of the addresses of a GitHub account. */
type GithubEmail = { email?: unknown; primary?: unknown; verified?: unknown }

/** @see https://docs.github.com/en/rest/users/users and …/rest/users/emails */
export const github: ProviderType = {
  name: 'github',
  verbose_name: 'GitHub',
  urls_customizable: true,
  request_token_url: null,
  authorization_url: 'https://github.com/login/oauth/authorize',
  access_token_url: 'https://github.com/login/oauth/access_token',
  profile_url: 'https://api.github.com/user',
  // Those of its build service, which signs tokens that other providers may trust; people have none.
  oidc_well_known_url: 'https://token.actions.githubusercontent.com/.well-known/openid-configuration',
  oidc_jwks_url: 'https://token.actions.githubusercontent.com/.well-known/jwks',
  scopes: ['read:user', 'user:email'],
  clientAuth: 'post_body',
  profileFrom: 'url',
  idToken: false,
  // The profile's address may be hidden and says nothing of being verified: the list says both.
  async complete(info, { ask, profileUrl }) {
    // Without the scope for it there is no list, and no address counts as verified.
    const emails = await ask(`${profileUrl}/emails`).catch(() => [])
    const known = Array.isArray(emails) ? (emails as GithubEmail[]) : []
    const shown = textOf(info.email)
    const chosen = shown === null ? known.find(({ primary }) => primary === true) : known.find(({ email }) => email === shown)
    return { ...info, email: shown ?? textOf(chosen?.email), email_verified: chosen?.verified === true }
  },
  read: info => ({
    identifier: idOf(info.id),
    properties: { username: textOf(info.login), email: textOf(info.email), name: textOf(info.name) },
    emailVerified: flagOf(info.email_verified),
  }),
}

/** Facebook tells no address but one that it had confirmed. @see https://developers.facebook.com/docs/graph-api/reference/user/ */
export const facebook: ProviderType = {
  name: 'facebook',
  verbose_name: 'Facebook',
  urls_customizable: false,
  request_token_url: null,
  authorization_url: 'https://www.facebook.com/v7.0/dialog/oauth',
  access_token_url: 'https://graph.facebook.com/v7.0/oauth/access_token',
  profile_url: 'https://graph.facebook.com/v7.0/me?fields=id,name,email',
  oidc_well_known_url: null,
  oidc_jwks_url: null,
  scopes: ['email'],
  clientAuth: 'post_body',
  profileFrom: 'url',
  idToken: false,
  read: info => ({
    identifier: idOf(info.id),
    properties: { username: textOf(info.name), email: textOf(info.email), name: textOf(info.name) },
    emailVerified: textOf(info.email) === null ? undefined : true,
  }),
}

/** @see https://discord.com/developers/docs/resources/user */
export const discord: ProviderType = {
  name: 'discord',
  verbose_name: 'Discord',
  urls_customizable: false,
  request_token_url: null,
  authorization_url: 'https://discord.com/api/oauth2/authorize',
  access_token_url: 'https://discord.com/api/oauth2/token',
  profile_url: 'https://discord.com/api/users/@me',
  oidc_well_known_url: null,
  oidc_jwks_url: null,
  scopes: ['email', 'identify'],
  clientAuth: 'post_body',
  profileFrom: 'url',
  idToken: false,
  read: info => ({
    identifier: idOf(info.id),
    properties: { username: textOf(info.username), email: textOf(info.email), name: textOf(info.username) },
    emailVerified: flagOf(info.verified),
  }),
}

/** @see https://github.com/reddit-archive/reddit/wiki/OAuth2 */
export const reddit: ProviderType = {
  name: 'reddit',
  verbose_name: 'Reddit',
  urls_customizable: false,
  request_token_url: null,
  authorization_url: 'https://www.reddit.com/api/v1/authorize',
  access_token_url: 'https://www.reddit.com/api/v1/access_token',
  profile_url: 'https://oauth.reddit.com/api/v1/me',
  oidc_well_known_url: null,
  oidc_jwks_url: null,
  scopes: ['identity'],
  clientAuth: 'basic_auth',
  authorizationParameters: { duration: 'permanent' },
  profileFrom: 'url',
  idToken: false,
  read: info => ({
    identifier: idOf(info.id),
    properties: { username: textOf(info.name), email: null, name: textOf(info.name) },
    emailVerified: undefined,
  }),
}

/** @see https://docs.x.com/resources/fundamentals/authentication/oauth-2-0/authorization-code */
export const twitter: ProviderType = {
  name: 'twitter',
  verbose_name: 'Twitter',
  urls_customizable: false,
  request_token_url: null,
  authorization_url: 'https://twitter.com/i/oauth2/authorize',
  access_token_url: 'https://api.twitter.com/2/oauth2/token',
  profile_url: 'https://api.twitter.com/2/users/me',
  oidc_well_known_url: null,
  oidc_jwks_url: null,
  scopes: ['users.read', 'tweet.read'],
  pkce: 'S256',
  clientAuth: 'basic_auth',
  profileFrom: 'url',
  idToken: false,
  read: info => {
    const data = objectOf(info.data)
    return {
      identifier: idOf(data.id),
      properties: { username: textOf(data.username), email: null, name: textOf(data.name) },
      emailVerified: undefined,
    }
  },
}

/** @see https://docs.patreon.com/#oauth and #get-api-oauth2-v2-identity */
export const patreon: ProviderType = {
  name: 'patreon',
  verbose_name: 'Patreon',
  urls_customizable: false,
  request_token_url: null,
  authorization_url: 'https://www.patreon.com/oauth2/authorize',
  access_token_url: 'https://www.patreon.com/api/oauth2/token',
  profile_url: 'https://www.patreon.com/api/oauth2/v2/identity?fields%5Buser%5D=email,full_name,is_email_verified,vanity',
  oidc_well_known_url: null,
  oidc_jwks_url: null,
  scopes: ['identity', 'identity[email]'],
  clientAuth: 'post_body',
  profileFrom: 'url',
  idToken: false,
  read: info => {
    const data = objectOf(info.data)
    const attributes = objectOf(data.attributes)
    return {
      identifier: idOf(data.id),
      properties: { username: textOf(attributes.vanity), email: textOf(attributes.email), name: textOf(attributes.full_name) },
      emailVerified: flagOf(attributes.is_email_verified),
    }
  },
}

/** Sign-in on web pages. @see https://developers.weixin.qq.com/doc/oplatform/en/Website_App/WeChat_Login/Wechat_Login.html */
export const wechat: ProviderType = {
  name: 'wechat',
  verbose_name: 'WeChat',
  urls_customizable: false,
  request_token_url: null,
  authorization_url: 'https://open.weixin.qq.com/connect/qrconnect',
  access_token_url: 'https://api.weixin.qq.com/sns/oauth2/access_token',
  profile_url: 'https://api.weixin.qq.com/sns/userinfo',
  oidc_well_known_url: null,
  oidc_jwks_url: null,
  scopes: ['snsapi_login'],
  scopeSeparator: ',',
  dialect: {
    clientId: 'appid',
    clientSecret: 'secret',
    tokenMethod: 'GET',
    fragment: 'wechat_redirect',
    // Of the token's answer, sent with the profile request's query.
    profileParameters: ['access_token', 'openid'],
  },
  profileFrom: 'url',
  idToken: false,
  read: info => ({
    // `openid` differs between the applications of one owner, `unionid` does not; only owners of several have it.
    identifier: idOf(info.unionid) ?? idOf(info.openid),
    properties: { username: idOf(info.unionid) ?? idOf(info.openid) ?? null, email: null, name: textOf(info.nickname) },
    emailVerified: undefined,
  }),
}

/** The mail server itself says whose mailbox it is. @see https://docs.mailcow.email/third_party/ and its `oauth/profile` */
export const mailcow: ProviderType = {
  name: 'mailcow',
  verbose_name: 'Mailcow',
  urls_customizable: true,
  ...NO_URLS,
  scopes: ['profile'],
  profileFrom: 'url',
  idToken: false,
  read: info => ({
    identifier: idOf(info.id) ?? idOf(info.identifier),
    properties: { username: textOf(info.full_name), email: textOf(info.email), name: textOf(info.full_name) },
    emailVerified: textOf(info.email) === null ? undefined : info.success !== false,
  }),
}

/** The group objects that a directory of Microsoft answers with. */
const groupsById = (answer: unknown): Record<string, Row> => {
  const { value } = objectOf(answer)
  const groups = (Array.isArray(value) ? value.map(objectOf) : []).filter(
    group => group['@odata.type'] === undefined || group['@odata.type'] === '#microsoft.graph.group',
  )
  return Object.fromEntries(groups.flatMap(group => (textOf(group.id) === null ? [] : [[group.id as string, group]])))
}

/**
 * Anybody may write any address into an account of a tenant of their own, so `mail` proves nothing.
 * @see https://learn.microsoft.com/en-us/graph/api/user-get
 */
export const entraid: ProviderType = {
  name: 'entraid',
  verbose_name: 'Entra ID',
  urls_customizable: true,
  request_token_url: null,
  authorization_url: 'https://login.microsoftonline.com/common/oauth2/v2.0/authorize',
  access_token_url: 'https://login.microsoftonline.com/common/oauth2/v2.0/token',
  profile_url: 'https://graph.microsoft.com/v1.0/me',
  oidc_well_known_url: 'https://login.microsoftonline.com/common/.well-known/openid-configuration',
  oidc_jwks_url: 'https://login.microsoftonline.com/common/discovery/keys',
  scopes: ['openid', 'User.Read'],
  clientAuth: 'post_body',
  profileFrom: 'url',
  idToken: false,
  // Groups are told to those who asked for a scope that shows them.
  async complete(info, { ask, scopes, profileUrl }) {
    if (!scopes.some(scope => /(?:^|\/)(?:GroupMember\.Read\.All|Group\.Read\.All|Directory\.Read\.All)$/i.test(scope))) return info
    return { ...info, raw_groups: groupsById(await ask(`${profileUrl}/memberOf`)) }
  },
  read: info => ({
    identifier: idOf(info.id),
    properties: {
      username: textOf(info.userPrincipalName),
      email: textOf(info.mail),
      name: textOf(info.displayName),
      groups: Object.keys(objectOf(info.raw_groups)),
    },
    emailVerified: undefined,
  }),
  group: (info, id) => ({ name: textOf(objectOf(objectOf(info.raw_groups)[id]).displayName) ?? id }),
}
