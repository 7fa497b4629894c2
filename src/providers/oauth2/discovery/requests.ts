import type { Row } from '../../../api/model.ts'
import { LANGUAGES } from '../../../../web/flow/languages.ts'
import { SIGNING_ALGORITHMS } from '../keys/algorithms.ts'
import { PROMPTS, RESPONSE_MODES, responseTypesOf } from '../authorize/request.ts'
import type { Client } from '../client/client.ts'
import { CONTEXT_CLASSES } from '../claims/context-class.ts'
import { CHALLENGE_METHODS } from '../authorize/pkce.ts'
import { requestAlgorithms, takesUnsigned } from '../authorize/request-object.ts'

/** The key that request objects may be encrypted for, where there is one. */
const openable = ({ encrypter }: Client): Row =>
  encrypter
    ? {
        request_object_encryption_alg_values_supported: [encrypter.jwk.alg],
        request_object_encryption_enc_values_supported: [encrypter.jwk.enc],
      }
    : {}

/** Where clients register themselves, what they may ask for. */
const registrable = (required: boolean): Row => ({
  request_parameter_supported: true,
  request_uri_parameter_supported: true,
  require_request_uri_registration: true,
  require_signed_request_object: required,
  request_object_signing_alg_values_supported: ['none', ...SIGNING_ALGORITHMS],
})

/** What request objects may be: signed with what, and encrypted for which key (OIDC Discovery §3). */
function requestObjects(client: Client): Row {
  const { request_uris: uris, require_signed_request_object: required } = client.metadata
  const algorithms = requestAlgorithms(client)
  if (client.registers) return { ...registrable(required), ...openable(client) }
  const offered = takesUnsigned(client) ? ['none', ...algorithms] : algorithms
  return {
    request_parameter_supported: algorithms.length > 0,
    request_uri_parameter_supported: uris.length > 0, // the default would be true
    require_request_uri_registration: true,
    require_signed_request_object: required, // RFC 9101 §10.5
    ...(offered.length > 0 && { request_object_signing_alg_values_supported: offered }),
    ...(offered.length > 0 && openable(client)),
  }
}

/** What the authorization endpoint takes, for the discovery document. What is not built is not named. */
export const authorizationMetadata = (client: Client): Row => ({
  response_types_supported: responseTypesOf(client),
  response_modes_supported: RESPONSE_MODES,
  authorization_signing_alg_values_supported: [client.responseSigner.alg], // JARM §4
  require_pushed_authorization_requests: client.metadata.require_pushed_authorization_requests,
  ...requestObjects(client),
  claims_parameter_supported: true,
  acr_values_supported: CONTEXT_CLASSES,
  prompt_values_supported: PROMPTS,
  ui_locales_supported: Object.keys(LANGUAGES),
  code_challenge_methods_supported: client.metadata.require_pkce ? ['S256'] : [...CHALLENGE_METHODS].reverse(),
  authorization_response_iss_parameter_supported: true, // RFC 9207 §3
})
