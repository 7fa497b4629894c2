import { flagOf, groupByName, idOf, NO_URLS, readClaims, textOf, type ProviderType } from './type.ts'

/** Any provider of OpenID Connect: its URLs are the source's, by hand or by its well-known document. */
export const openidconnect: ProviderType = {
  ...NO_URLS,
  name: 'openidconnect',
  verbose_name: 'OpenID Connect',
  urls_customizable: true,
  scopes: ['openid', 'email', 'profile'],
  profileFrom: 'url',
  idToken: true,
  read: readClaims,
  group: groupByName,
}

/** @see https://developer.okta.com/docs/reference/api/oidc/ */
export const okta: ProviderType = {
  ...openidconnect,
  name: 'okta',
  verbose_name: 'Okta',
}

/** @see https://docs.gitlab.com/integration/openid_connect_provider/ */
export const gitlab: ProviderType = {
  name: 'gitlab',
  verbose_name: 'GitLab',
  urls_customizable: true,
  request_token_url: null,
  authorization_url: 'https://gitlab.com/oauth/authorize',
  access_token_url: 'https://gitlab.com/oauth/token',
  profile_url: 'https://gitlab.com/oauth/userinfo',
  oidc_well_known_url: 'https://gitlab.com/.well-known/openid-configuration',
  oidc_jwks_url: 'https://gitlab.com/oauth/discovery/keys',
  scopes: ['read_user', 'openid', 'profile', 'email'],
  profileFrom: 'url',
  idToken: true,
  read: info => ({
    identifier: idOf(info.sub),
    properties: { username: textOf(info.preferred_username), email: textOf(info.email), name: textOf(info.name) },
    emailVerified: flagOf(info.email_verified),
  }),
}

/** @see https://dev.twitch.tv/docs/authentication/getting-tokens-oidc/ */
export const twitch: ProviderType = {
  name: 'twitch',
  verbose_name: 'Twitch',
  urls_customizable: false,
  request_token_url: null,
  authorization_url: 'https://id.twitch.tv/oauth2/authorize',
  access_token_url: 'https://id.twitch.tv/oauth2/token',
  profile_url: 'https://id.twitch.tv/oauth2/userinfo',
  oidc_well_known_url: 'https://id.twitch.tv/oauth2/.well-known/openid-configuration',
  oidc_jwks_url: 'https://id.twitch.tv/oauth2/keys',
  scopes: ['openid', 'user:read:email'],
  clientAuth: 'post_body',
  // Names come for the asking alone.
  authorizationParameters: {
    claims: JSON.stringify({ userinfo: { email: null, email_verified: null, preferred_username: null, picture: null } }),
  },
  profileFrom: 'url',
  idToken: true,
  read: info => ({
    identifier: idOf(info.sub),
    properties: { username: textOf(info.preferred_username), email: textOf(info.email), name: textOf(info.preferred_username) },
    emailVerified: flagOf(info.email_verified),
  }),
}

/** @see https://api.slack.com/authentication/sign-in-with-slack */
export const slack: ProviderType = {
  name: 'slack',
  verbose_name: 'Slack',
  urls_customizable: false,
  request_token_url: null,
  authorization_url: 'https://slack.com/openid/connect/authorize',
  access_token_url: 'https://slack.com/api/openid.connect.token',
  profile_url: 'https://slack.com/api/openid.connect.userInfo',
  oidc_well_known_url: 'https://slack.com/.well-known/openid-configuration',
  oidc_jwks_url: 'https://slack.com/openid/connect/keys',
  scopes: ['openid', 'email', 'profile'],
  clientAuth: 'post_body',
  profileFrom: 'url',
  idToken: true,
  read: info => ({
    identifier: idOf(info.sub),
    // Slack has no user names any more; addresses and names are what there is.
    properties: { username: null, email: textOf(info.email), name: textOf(info.name) },
    emailVerified: flagOf(info.email_verified),
  }),
}

/** @see https://developer.apple.com/documentation/signinwithapplerestapi */
export const apple: ProviderType = {
  name: 'apple',
  verbose_name: 'Apple',
  urls_customizable: false,
  request_token_url: null,
  authorization_url: 'https://appleid.apple.com/auth/authorize',
  access_token_url: 'https://appleid.apple.com/auth/token',
  profile_url: null,
  oidc_well_known_url: 'https://appleid.apple.com/.well-known/openid-configuration',
  oidc_jwks_url: 'https://appleid.apple.com/auth/keys',
  scopes: ['name', 'email'],
  clientAuth: 'post_body',
  // Apple demands it wherever a scope is asked for.
  responseMode: 'form_post',
  signedSecret: 'apple',
  profileFrom: 'id_token',
  idToken: true,
  read: info => ({
    identifier: idOf(info.sub),
    properties: { email: textOf(info.email), name: textOf(info.name) },
    emailVerified: flagOf(info.email_verified),
  }),
}
