import { calculateJwkThumbprint, decodeProtectedHeader, EmbeddedJWK, jwtVerify, type JWK } from 'jose'
import { createHash } from 'node:crypto'
import type { Ctx } from '../../../context.ts'
import { readHs256, signHs256 } from '../../../crypto/hs256.ts'
import { atOwnAddress } from '../addresses.ts'
import { ASYMMETRIC } from '../keys/algorithms.ts'
import type { Headers } from '../client/authentication.ts'
import { OAuthError } from '../errors.ts'
import { firstTime } from '../seen.sql.ts'

/** How old a proof may be, and how far ahead its clock: s. */
const WINDOW = 60
const NONCE_LIFE = 300 // s
const MAX_LENGTH = 8 * 1024
const NONCE_KEY = 'DPoP nonce'

const invalidProof = (why: string): OAuthError => new OAuthError('invalid_dpop_proof', why)

/** A nonce for clients that want one: ours, for some minutes, without anything stored (RFC 9449 §8). */
export const freshNonce = (ctx: Ctx): string =>
  signHs256({ exp: Math.floor(ctx.now().getTime() / 1000) + NONCE_LIFE }, ctx.secrets.key(NONCE_KEY))

/** Clients are told to come again with the nonce that stands in the header. */
const wantsNonce = (ctx: Ctx): OAuthError =>
  new OAuthError('use_dpop_nonce', 'The nonce of the DPoP proof is missing, not one of ours, or too old', {
    headers: { 'dpop-nonce': freshNonce(ctx) },
  })

/** Without query and fragment, and in the one spelling that URLs have, RFC 9449 §4.3. */
function sameAddress(htu: unknown, address: string): boolean {
  if (typeof htu !== 'string' || !URL.canParse(htu)) return false
  const [theirs, ours] = [new URL(htu), new URL(address)]
  return theirs.origin === ours.origin && theirs.pathname === ours.pathname
}

/** A proof that is good if it was not shown before. */
export type Proof = {
  /** The thumbprint of the key that it proves. */
  key: string
  /** Remembers it, so that it is good once, RFC 9449 §11.1. @throws invalid_dpop_proof */
  spend: (ctx: Ctx) => Promise<void>
}

type ProofOptions = { accessToken?: string; nonce?: boolean; algorithms?: string[] }

/** The thumbprint of the key that a request proves to hold, by a proof that is spent by that; undefined when it brings none. See `readProof`. */
export async function provenKey(ctx: Ctx, headers: Headers, options: ProofOptions = {}): Promise<string | undefined> {
  const proof = await readProof(ctx, headers, options)
  await proof?.spend(ctx)
  return proof?.key
}

/**
 * What a request proves to hold, RFC 9449 §4.3; undefined when it brings no proof. Nothing is stored yet: who may be refused for other reasons is to
 * hear them first, since proofs cost strangers nothing.
 * @param options.accessToken what the proof must be made for, where it goes along with a token
 * @param options.nonce whether it must carry a nonce of ours (§8)
 * @param options.algorithms by which it may be signed
 * @throws invalid_dpop_proof, use_dpop_nonce
 */
export async function readProof(
  ctx: Ctx,
  headers: Headers,
  { accessToken, nonce: required = false, algorithms = ASYMMETRIC }: ProofOptions = {},
): Promise<Proof | undefined> {
  const proof = headers['dpop']
  if (proof === undefined) return undefined
  if (typeof proof !== 'string' || proof.length > MAX_LENGTH) throw invalidProof('There must be one DPoP proof')
  const now = ctx.now()
  const verified = await jwtVerify(proof, EmbeddedJWK, {
    typ: 'dpop+jwt',
    algorithms,
    requiredClaims: ['jti', 'htm', 'htu', 'iat'],
    currentDate: now,
    clockTolerance: WINDOW,
  }).catch((cause: unknown) => {
    ctx.log.info({ reason: (cause as Error).message }, 'DPoP proof refused')
    throw invalidProof('The DPoP proof cannot be verified')
  })
  const { jti, htm, htu, iat, ath, nonce } = verified.payload
  const seconds = now.getTime() / 1000
  if (typeof jti !== 'string' || jti === '') throw invalidProof('The DPoP proof has no jti')
  if (htm !== ctx.request?.method) throw invalidProof('The DPoP proof is for another method')
  const here = await atOwnAddress(ctx)
  if (!sameAddress(htu, `${here.request!.origin}${here.request!.path}`)) throw invalidProof('The DPoP proof is for another address')
  if (typeof iat !== 'number' || Math.abs(seconds - iat) > WINDOW) throw invalidProof('The DPoP proof is too old or not of this time')
  if (accessToken !== undefined && ath !== createHash('sha256').update(accessToken, 'ascii').digest('base64url'))
    throw invalidProof('The DPoP proof is for another token')
  if (nonce === undefined && required) throw wantsNonce(ctx)
  if (nonce !== undefined && (typeof nonce !== 'string' || !readHs256(nonce, ctx.secrets.key(NONCE_KEY), now))) throw wantsNonce(ctx)
  const key = await calculateJwkThumbprint(verified.protectedHeader.jwk as JWK)
  return {
    key,
    async spend(ctx) {
      if (!(await firstTime(ctx.db, `dpop ${key} ${jti}`, new Date((iat + 2 * WINDOW) * 1000))))
        throw invalidProof('The DPoP proof was used before')
    },
  }
}

/** What a proof was signed by, once it was found good: whose it is, and so what it may be signed by, is known only afterwards at a resource. */
export const proofAlgorithm = (headers: Headers): string => decodeProtectedHeader(headers['dpop'] as string).alg ?? ''
