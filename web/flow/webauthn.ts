import type { Answer } from './challenge.ts'
import type { Texts } from './locales/en.ts'

/** The browser's side of WebAuthn: options in JSON in, credentials in JSON out, and words for what went wrong. */

type Options = Record<string, unknown>

/** Whether this browser, on this page, has WebAuthn at all: not every one does, and none does over plain HTTP. */
export const hasWebAuthn = (): boolean => typeof PublicKeyCredential === 'function'

/** Whether passkeys can be offered among the suggestions of a text field. */
export const canAutofill = async (): Promise<boolean> =>
  hasWebAuthn() && 'isConditionalMediationAvailable' in PublicKeyCredential && PublicKeyCredential.isConditionalMediationAvailable()

/** Makes a credential. @throws DOMException when the person or the browser does not */
export async function createCredential(options: Options, signal: AbortSignal): Promise<Answer> {
  return toJson((await navigator.credentials.create({ publicKey: creationOptions(options), signal })) as PublicKeyCredential)
}

/**
 * Lets the person choose a credential and prove that they have it.
 * @param mediation `conditional`: waits until a passkey is chosen among the suggestions of a field
 * @throws DOMException when the person or the browser does not, or `signal` ends it
 */
export async function getCredential(options: Options, signal: AbortSignal, mediation?: 'conditional'): Promise<Answer> {
  const credential = await navigator.credentials.get({ publicKey: requestOptions(options), signal, ...(mediation && { mediation }) })
  return toJson(credential as PublicKeyCredential)
}

/** The text for an error of `createCredential` or `getCredential`; undefined for one that somebody meant. */
export function failureText(error: unknown): keyof Texts | undefined {
  const name = error instanceof DOMException ? error.name : ''
  if (name === 'AbortError') return undefined
  if (name === 'NotAllowedError') return 'passkey_cancelled' // the same for refusal and time-out, on purpose of the browser
  if (name === 'InvalidStateError') return 'passkey_exists'
  if (name === 'SecurityError') return 'passkey_wrong_site'
  if (name === 'NotSupportedError' || name === 'ConstraintError') return 'passkey_unsuitable'
  return 'passkey_failed'
}

// Browsers older than 2025 have the calls but not the JSON forms (WebAuthn 3 §5.1.8, §5.1.9).

function creationOptions(options: Options): PublicKeyCredentialCreationOptions {
  if ('parseCreationOptionsFromJSON' in PublicKeyCredential)
    return PublicKeyCredential.parseCreationOptionsFromJSON(options as unknown as PublicKeyCredentialCreationOptionsJSON)
  const { user, challenge, excludeCredentials } = options as { user: Options; challenge: string; excludeCredentials: Options[] }
  return {
    ...options,
    challenge: bytes(challenge),
    user: { ...user, id: bytes(user.id) },
    excludeCredentials: descriptors(excludeCredentials),
  } as unknown as PublicKeyCredentialCreationOptions
}

function requestOptions(options: Options): PublicKeyCredentialRequestOptions {
  if ('parseRequestOptionsFromJSON' in PublicKeyCredential)
    return PublicKeyCredential.parseRequestOptionsFromJSON(options as unknown as PublicKeyCredentialRequestOptionsJSON)
  return { ...options, challenge: bytes(options.challenge), allowCredentials: descriptors(options.allowCredentials as Options[]) }
}

const descriptors = (list: Options[] = []) =>
  list.map(credential => ({ ...credential, id: bytes(credential.id) })) as unknown as PublicKeyCredentialDescriptor[]

function bytes(base64url: unknown): Uint8Array<ArrayBuffer> {
  const binary = atob(String(base64url).replaceAll('-', '+').replaceAll('_', '/'))
  return Uint8Array.from(binary, letter => letter.charCodeAt(0))
}

const base64url = (buffer: ArrayBuffer): string =>
  btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '')

function toJson(credential: PublicKeyCredential): Answer {
  // Extensions of password managers put objects without it in the browser's place.
  if (typeof credential.toJSON === 'function') return credential.toJSON() as unknown as Answer
  const { id, type, rawId, authenticatorAttachment } = credential
  const response = credential.response as AuthenticatorAttestationResponse & AuthenticatorAssertionResponse
  const parts = ['clientDataJSON', 'attestationObject', 'authenticatorData', 'signature', 'userHandle'] as const
  return {
    id,
    type,
    rawId: base64url(rawId),
    ...(authenticatorAttachment && { authenticatorAttachment }),
    clientExtensionResults: credential.getClientExtensionResults(),
    response: {
      ...Object.fromEntries(parts.filter(name => response[name]).map(name => [name, base64url(response[name]!)])),
      ...(response.attestationObject && { transports: response.getTransports?.() ?? [] }),
    },
  }
}
