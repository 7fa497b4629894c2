import { createObject } from '../../api/objects.ts'
import type { Row } from '../../api/model.ts'
import type { Ctx } from '../../context.ts'
import { hashToken } from '../../crypto/secrets.ts'
import { systemSettings } from '../settings.ts'
import { newKey, Token } from './model.ts'

export type NewToken = {
  /** Whose it is. */
  user: number
  identifier: string
  intent?: 'api' | 'app_password' | 'recovery' | 'verification'
  /** null: it does not expire. */
  expires: Date | null
  description?: string
  /** A key that was chosen elsewhere; otherwise one is made. */
  key?: string
}

/**
 * Makes a token on the program's own account, where no request asks for it, and returns its key, which is shown here alone.
 * @throws ApiError when the identifier is taken
 */
export async function createToken(
  ctx: Ctx,
  { user, identifier, intent = 'api', expires, description = '', key: chosen }: NewToken,
): Promise<string> {
  const { default_token_length: length } = await systemSettings(ctx)
  const { key, ...stored } =
    chosen === undefined ? newKey(ctx, length) : { key: chosen, key_hash: hashToken(chosen), key_sealed: ctx.secrets.seal(chosen) }
  const values: Row = { user, identifier, intent, expires, expiring: expires !== null, description, ...stored }
  await createObject(ctx, Token, values)
  return key
}
