/** An error with a code from RFC 6749 §4.1.2.1, §5.2 or an extension; its description is safe to send to the client. */
export class OAuthError extends Error {
  readonly code: string
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  constructor(code: string, description: string, options: { status?: number; headers?: Record<string, string>; cause?: unknown } = {}) {
    super(description, { cause: options.cause })
    this.name = 'OAuthError'
    this.code = code
    this.status = options.status ?? 400
    this.headers = options.headers ?? {}
  }
}

export const invalidRequest = (why = 'The request is otherwise malformed'): OAuthError => new OAuthError('invalid_request', why)

export const invalidGrant = (cause?: unknown): OAuthError =>
  new OAuthError(
    'invalid_grant',
    'The provided authorization grant or refresh token is invalid, expired, revoked, does not match the redirection URI used in the authorization request, or was issued to another client',
    { cause },
  )

export const invalidScope = (): OAuthError =>
  new OAuthError('invalid_scope', 'The requested scope is invalid, unknown, malformed, or exceeds the scope granted by the resource owner')

export const unauthorizedClient = (): OAuthError =>
  new OAuthError('unauthorized_client', 'The client is not authorized to request an authorization code using this method')

export const unsupportedGrantType = (): OAuthError =>
  new OAuthError('unsupported_grant_type', 'The authorization grant type is not supported by the authorization server')

/**
 * The client could not be authenticated. With HTTP Basic the answer names the scheme, RFC 6749 §5.2.
 * @param challenged 401 whatever the client used
 */
export const invalidClient = (basic: boolean, options: { challenged?: boolean } = {}): OAuthError =>
  new OAuthError(
    'invalid_client',
    'Client authentication failed (e.g., unknown client, no client authentication included, or unsupported authentication method)',
    {
      status: basic || options.challenged ? 401 : 400,
      headers: basic || options.challenged ? { 'www-authenticate': 'Basic realm="oauth2", charset="UTF-8"' } : {},
    },
  )

/** Descriptions of what an authorization request may end with, RFC 6749 §4.1.2.1 and OIDC Core §3.1.2.6. */
const AUTHORIZATION_ERRORS = {
  invalid_request: 'The request is otherwise malformed',
  unauthorized_client: 'The client is not authorized to request an authorization code using this method',
  access_denied: 'The resource owner or authorization server denied the request',
  unsupported_response_type: 'The authorization server does not support obtaining an authorization code using this method',
  invalid_scope: 'The requested scope is invalid, unknown, or malformed',
  server_error: 'The authorization server encountered an error',
  login_required: 'The Authorization Server requires End-User authentication',
  consent_required: 'The Authorization Server requires End-User consent',
  interaction_required: 'The Authorization Server requires End-User interaction',
  request_not_supported: 'The provider does not support use of the request parameter',
  request_uri_not_supported: 'The provider does not support use of the request_uri parameter',
  invalid_request_object: 'The request parameter contains an invalid Request Object',
  invalid_request_uri: 'The request_uri in the Authorization Request returns an error or contains invalid data',
  unmet_authentication_requirements: 'The Authorization Server is unable to meet the requirements of the authentication request',
  registration_not_supported: 'The provider does not support use of the registration parameter',
} as const

/** The end of an authorization request whose client and redirect URI are known to be right: told to the client. */
export const authorizationError = (code: keyof typeof AUTHORIZATION_ERRORS, why?: string): OAuthError =>
  new OAuthError(code, why ?? AUTHORIZATION_ERRORS[code])

/** Somebody else spent the grant first. The transaction is undone; the consequence (what it bought is revoked) has to be committed. */
export class Replayed extends OAuthError {
  readonly consequence: () => Promise<void>
  constructor(refusal: OAuthError, consequence: () => Promise<void>) {
    super(refusal.code, refusal.message)
    this.consequence = consequence
  }
}
