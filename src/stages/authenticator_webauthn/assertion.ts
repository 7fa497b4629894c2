import type { AuthenticationResponseJSON } from '@simplewebauthn/server'
import type { Judgement } from '../../authenticators/kind.ts'
import type { Row } from '../../api/model.ts'
import { currentBrand } from '../../core/brand/model.ts'
import { userUid } from '../../core/user/uid.ts'
import { recordEvent } from '../../events/record.ts'
import { retry, type AnswerErrors, type Run } from '../../flows/stage.ts'
import { fromBase64url, toBase64url } from '../../lib/base64url.ts'
import { challengeOf, relyingParty, spendChallenge, TIMEOUT, verifier } from './ceremony.ts'
import { deviceByCredential, isAllowed } from './device.ts'

/** `PublicKeyCredentialRequestOptionsJSON` over these devices; over none, the browser offers the passkeys it knows (WebAuthn 3 §5.5). */
export function requestOptions(run: Run, devices: readonly Row[], stage: Row): Row {
  return {
    challenge: challengeOf(run),
    timeout: TIMEOUT,
    rpId: relyingParty(run.ctx).id,
    allowCredentials: devices.map(device => ({ type: 'public-key', id: device.credential_id, transports: device.transports })),
    userVerification: stage.webauthn_user_verification,
    hints: stage.webauthn_hints,
  }
}

const refused = (text: string): { errors: AnswerErrors } => {
  const outcome = retry({ webauthn: text })
  return { errors: outcome.kind === 'retry' ? outcome.errors : {} }
}

export const ASSERTION_FAILED = 'Assertion failed'

/** What to tell somebody whose device is of a type that is not allowed. */
export const typeRefused = async ({ ctx }: Run): Promise<string> =>
  `Invalid device type. Contact your ${(await currentBrand(ctx)).title} administrator for help.`

const isText = (value: unknown): value is string => typeof value === 'string'

/** The parts that the checks read, each of its kind; undefined for what is no assertion at all. */
function readAssertion(answer: unknown): AuthenticationResponseJSON | undefined {
  if (typeof answer !== 'object' || answer === null) return undefined
  const { id, rawId, type, response } = answer as Row
  if (!isText(id) || !isText(rawId) || !isText(type) || typeof response !== 'object' || response === null) return undefined
  const { clientDataJSON, authenticatorData, signature, userHandle } = response as Row
  if (![clientDataJSON, authenticatorData, signature].every(isText)) return undefined
  return {
    id,
    rawId,
    type: type as 'public-key',
    clientExtensionResults: {},
    response: {
      clientDataJSON: clientDataJSON as string,
      authenticatorData: authenticatorData as string,
      signature: signature as string,
      ...(isText(userHandle) && userHandle !== '' && { userHandle }),
    },
  }
}

/** The account that the passkey says it is for must be its owner's (WebAuthn 3 §7.2 step 6). */
const isForOwner = ({ ctx }: Run, handle: string | undefined, device: Row): boolean =>
  handle === undefined || handle === toBase64url(userUid(ctx, device.user as number))

/** What the signature proves, or undefined when it proves nothing. Everything the options asked for is looked at again. */
async function verified(run: Run, assertion: AuthenticationResponseJSON, challenge: string, device: Row, stage: Row) {
  const { verifyAuthenticationResponse } = await verifier()
  const { origin, id } = relyingParty(run.ctx)
  try {
    const { verified: signed, authenticationInfo } = await verifyAuthenticationResponse({
      response: assertion,
      expectedChallenge: challenge,
      expectedOrigin: origin,
      expectedRPID: id,
      requireUserVerification: stage.webauthn_user_verification === 'required',
      credential: {
        id: device.credential_id as string,
        publicKey: fromBase64url(device.public_key as string) as Uint8Array<ArrayBuffer>,
        // Compared below, once the signature is known to be right: what is not signed must not raise an alarm.
        counter: 0,
      },
    })
    return signed ? authenticationInfo : undefined
  } catch (error) {
    run.ctx.log.info({ err: error, device: device.id }, 'webauthn assertion refused')
    return undefined
  }
}

/**
 * Takes the counter over. A counter that does not go on says that the private key exists twice (WebAuthn 3 §7.2 step 22); of two answers
 * with the same counter, one gets through.
 */
async function countOn(run: Run, device: Row, counter: number): Promise<boolean> {
  const { ctx } = run
  if (counter === 0 && device.sign_count === 0) return true
  const { numUpdatedRows } = await ctx.db
    .updateTable('webauthn_device')
    .set({ sign_count: counter })
    .where('id', '=', device.id as number)
    .where('sign_count', '<', counter)
    .executeTakeFirst()
  if (numUpdatedRows > 0n) return true
  const owner = await ctx.db
    .selectFrom('user')
    .selectAll()
    .where('id', '=', device.user as number)
    .executeTakeFirst()
  await recordEvent(
    ctx,
    'suspicious_request',
    {
      message: 'The signature counter of an authenticator went back: it may have been cloned.',
      device: { pk: device.id, name: device.name, aaguid: device.aaguid },
      counter: { stored: device.sign_count, received: counter },
    },
    { user: owner ?? null },
  )
  return false
}

/**
 * Judges an assertion of `owner`'s, or with nobody known yet of anybody's, whom the device then names.
 * @param owner the account, stored or pretended; null for anybody
 * @param stage the validate stage whose limits apply
 */
export async function judgeAssertion(run: Run, answer: unknown, owner: Row | null, stage: Row): Promise<Judgement> {
  const challenge = spendChallenge(run)
  const assertion = readAssertion(answer)
  if (!assertion) return refused(ASSERTION_FAILED)
  const device = await deviceByCredential(run.ctx, assertion.id)
  if (!device || (owner && owner.id !== device.user)) return refused('Invalid device')
  if (!isAllowed(stage.webauthn_allowed_device_types, device.device_type)) return refused(await typeRefused(run))
  if (challenge === undefined || !isForOwner(run, assertion.response.userHandle, device)) return refused(ASSERTION_FAILED)
  const proof = await verified(run, assertion, challenge, device, stage)
  if (!proof || !(await countOn(run, device, proof.newCounter))) return refused(ASSERTION_FAILED)
  return { device }
}
