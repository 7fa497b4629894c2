import type { Row } from '../../api/model.ts'
import { findObject } from '../../api/store.ts'
import type { Ctx } from '../../context.ts'
import { DirectoryError } from './client.ts'
import { LDAPSource, type LdapSource } from './model.ts'
import { entryOf, withDirectory } from './server.ts'

/** RFC 4511 §4.1.9: constraintViolation and unwillingToPerform are how servers say that a password breaks their rules. */
const NOT_GOOD_ENOUGH = new Set([19, 53])

/** Changes a password in a directory; answers what to tell the person when that did not work. */
export async function writePassword(ctx: Ctx, key: string, user: Row, password: string): Promise<string | undefined> {
  const source = (await findObject(ctx, LDAPSource, key)) as LdapSource | undefined
  const dn = source && (await entryOf(ctx, source, user))
  if (dn === undefined) return undefined
  try {
    await withDirectory(ctx, source!, directory => directory.setPassword(dn, password))
    return undefined
  } catch (error) {
    if (!(error instanceof DirectoryError)) throw error
    ctx.log.warn({ err: error, source: source!.slug }, 'a directory did not take a password')
    return error.result !== undefined && NOT_GOOD_ENOUGH.has(error.result)
      ? 'The directory does not take this password. Please choose another one.'
      : 'The password could not be changed in the directory. Please try again later.'
  }
}
