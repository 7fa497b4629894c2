/** What the suite's schema of the provider's metadata says of every member. */
import assert from 'node:assert/strict'
import type { Row } from '../../src/api/model.ts'

const PROVING = ['token', 'revocation', 'introspection'].flatMap(endpoint =>
  ['', '_auth_methods_supported', '_auth_signing_alg_values_supported'].map(end => `${endpoint}_endpoint${end}`),
)
const CRYPTOGRAPHY = ['id_token', 'userinfo', 'request_object', 'authorization'].flatMap(kind =>
  ['signing_alg', 'encryption_alg', 'encryption_enc'].map(what => `${kind}_${what}_values_supported`),
)

/**
 * Members that are registered for such documents (IANA, OAuth Authorization Server Metadata).
 */
const KNOWN: ReadonlySet<string> = new Set([
  ...PROVING,
  ...CRYPTOGRAPHY,
  ...'issuer jwks_uri authorization_endpoint userinfo_endpoint end_session_endpoint registration_endpoint check_session_iframe'.split(' '),
  ...'device_authorization_endpoint pushed_authorization_request_endpoint mtls_endpoint_aliases'.split(' '),
  ...'require_request_uri_registration require_signed_request_object require_pushed_authorization_requests'.split(' '),
  ...'dpop_signing_alg_values_supported tls_client_certificate_bound_access_tokens'.split(' '),
  ...[
    'scopes response_types response_modes grant_types subject_types claims acr_values ui_locales prompt_values code_challenge_methods',
    'claims_parameter request_parameter request_uri_parameter authorization_response_iss_parameter',
    'frontchannel_logout frontchannel_logout_session backchannel_logout backchannel_logout_session',
  ].flatMap(names => names.split(' ').map(name => `${name}_supported`)),
])

/** What a member is, by its name. */
function kindOf(name: string): 'flag' | 'list' | 'text' | 'object' {
  if (name === 'mtls_endpoint_aliases') return 'object'
  if (/^(?:require|tls)_|(?:parameter|logout|session)_supported$/.test(name)) return 'flag'
  return name.endsWith('_supported') ? 'list' : 'text'
}

/** No member is unknown (`CheckForUnexpectedParametersInServerMetadata` would warn), and each is what it has to be (`ValidateServerMetadataAgainstSchema`). */
export function soundMembers(document: Row): void {
  for (const [name, value] of Object.entries(document)) {
    assert.ok(KNOWN.has(name), `${name} is registered`)
    const kind = kindOf(name)
    if (kind === 'list') {
      assert.ok(Array.isArray(value) && value.length > 0, name)
      for (const item of value) assert.equal(typeof item, 'string', name)
    } else assert.equal(typeof value, { flag: 'boolean', text: 'string', object: 'object' }[kind], name)
  }
}
