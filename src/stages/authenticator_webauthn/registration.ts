import type { RegistrationResponseJSON } from '@simplewebauthn/server'
import type { Row } from '../../api/model.ts'
import type { Ctx } from '../../context.ts'
import { currentBrand } from '../../core/brand/model.ts'
import { userUid } from '../../core/user/uid.ts'
import type { Run } from '../../flows/stage.ts'
import { toBase64url } from '../../lib/base64url.ts'
import { challengeOf, relyingParty, TIMEOUT, verifier } from './ceremony.ts'

/** ES256, EdDSA, RS256 (COSE): what all authenticators have at least one of, the widest known first. */
const ALGORITHMS = [-7, -8, -257]

/** Control characters, and marks that turn the direction of text: browsers show names in dialogs of their own. */
const MISLEADING = /[\p{Cc}\p{Cf}]/gu
const plain = (text: string): string => text.replaceAll(MISLEADING, '').slice(0, 255)

/** `PublicKeyCredentialCreationOptionsJSON` (WebAuthn 3 §5.4) for an account and what the stage demands. */
export async function creationOptions(run: Run, user: Row): Promise<Row> {
  const { ctx, stage } = run
  const { title } = await currentBrand(ctx)
  const username = plain(user.username as string)
  const attachment = stage.authenticator_attachment as string | null
  return {
    rp: { name: plain(title), id: relyingParty(ctx).id },
    user: { id: toBase64url(userUid(ctx, user.id as number)), name: username, displayName: plain(user.name as string) || username },
    challenge: challengeOf(run),
    pubKeyCredParams: ALGORITHMS.map(alg => ({ type: 'public-key', alg })),
    timeout: TIMEOUT,
    // An authenticator that holds one of them refuses to make another: nobody has one device twice.
    excludeCredentials: await credentialsOf(ctx, user),
    authenticatorSelection: {
      ...(attachment && { authenticatorAttachment: attachment }),
      residentKey: stage.resident_key_requirement,
      requireResidentKey: stage.resident_key_requirement === 'required',
      userVerification: stage.user_verification,
    },
    hints: stage.hints,
    attestation: 'direct',
    extensions: { credProps: true },
  }
}

async function credentialsOf(ctx: Ctx, user: Row): Promise<Row[]> {
  const devices = await ctx.db
    .selectFrom('webauthn_device')
    .innerJoin('authenticator', 'authenticator.id', 'webauthn_device.id')
    .select(['webauthn_device.credential_id', 'webauthn_device.transports'])
    .where('authenticator.user', '=', user.id as number)
    .where('authenticator.confirmed', '=', true)
    .where('authenticator.deleted', 'is', null)
    .orderBy('authenticator.id')
    .execute()
  return devices.map(device => ({ type: 'public-key', id: device.credential_id, transports: device.transports }))
}

/** A credential that was made as it should be; values are columns of the device. */
export type Registered = {
  aaguid: string
  credential_id: string
  public_key: string
  sign_count: number
  rp_id: string
  transports: string[]
}

/** Why a registration will not do, in words for the person in front of it. */
export class RegistrationError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'RegistrationError'
  }
}

const isText = (value: unknown): value is string => typeof value === 'string'
const isObject = (value: unknown): value is Row => typeof value === 'object' && value !== null

/** Words for transports are short (`usb`, `internal`, `smart-card` …); browsers may learn new ones. */
const readTransports = (value: unknown): string[] =>
  Array.isArray(value) ? value.filter(item => isText(item) && /^[a-z-]{1,32}$/.test(item)).slice(0, 16) : []

/** The parts that the checks read, each of its kind. @throws RegistrationError for what is no credential at all */
function readCredential(answer: Row): RegistrationResponseJSON {
  const { id, rawId, type, response, authenticatorAttachment, clientExtensionResults } = answer
  const { clientDataJSON, attestationObject, transports } = isObject(response) ? response : ({} as Row)
  if (![id, rawId, type, clientDataJSON, attestationObject].every(isText)) throw new RegistrationError('The answer is no credential.')
  return {
    id: id as string,
    rawId: rawId as string,
    type: type as 'public-key',
    clientExtensionResults: isObject(clientExtensionResults) ? clientExtensionResults : {},
    ...(isText(authenticatorAttachment) && { authenticatorAttachment: authenticatorAttachment as 'platform' }),
    response: {
      clientDataJSON: clientDataJSON as string,
      attestationObject: attestationObject as string,
      transports: readTransports(transports),
    },
  }
}

/** What only the browser can say of the credential: it must not contradict what the stage demands. */
function checkDemands(stage: Row, credential: RegistrationResponseJSON): void {
  const attachment = stage.authenticator_attachment as string | null
  if (attachment && credential.authenticatorAttachment !== attachment)
    throw new RegistrationError(`A ${attachment} authenticator was required.`)
  const { credProps } = credential.clientExtensionResults as { credProps?: { rk?: unknown } }
  if (stage.resident_key_requirement === 'required' && credProps?.rk === false)
    throw new RegistrationError('A discoverable credential was required.')
}

/** Holds a credential to the challenge, this page's address and the stage's demands (WebAuthn 3 §7.1). @throws RegistrationError */
export async function verifyRegistration({ ctx, stage }: Run, answer: Row, challenge: string | undefined): Promise<Registered> {
  const credential = readCredential(answer)
  if (challenge === undefined) throw new RegistrationError('The challenge was used already.')
  const { verifyRegistrationResponse } = await verifier()
  const { origin, id } = relyingParty(ctx)
  let result
  try {
    result = await verifyRegistrationResponse({
      response: credential,
      expectedChallenge: challenge,
      expectedOrigin: origin,
      expectedRPID: id,
      requireUserVerification: stage.user_verification === 'required',
      supportedAlgorithmIDs: ALGORITHMS,
    })
  } catch (error) {
    throw new RegistrationError(error instanceof Error ? error.message : String(error), { cause: error })
  }
  if (!result.verified) throw new RegistrationError('The attestation could not be verified.')
  checkDemands(stage, credential)
  const { aaguid, credential: made } = result.registrationInfo
  return {
    aaguid,
    credential_id: made.id,
    public_key: toBase64url(made.publicKey),
    sign_count: made.counter,
    rp_id: id,
    transports: credential.response.transports ?? [],
  }
}
