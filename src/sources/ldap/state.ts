import { firstText, readTime, valuesOf, type Entry } from './entry.ts'

/** MS-ADTS §2.2.16: the account is disabled. */
const ACCOUNT_DISABLE = 2
/** Locked for good by an administrator (draft-behera-ldap-password-policy §5.3.3); other values are locks that end by themselves. */
const LOCKED_FOR_GOOD = '000001010000Z'
/** ms between 1601, where Active Directory begins to count, and 1970. */
const WINDOWS_EPOCH = 11_644_473_600_000

/** Whether a directory has switched an account off: Active Directory, FreeIPA and 389, OpenLDAP, each in its own way. */
export function isDisabled(entry: Entry): boolean {
  const control = Number(firstText(entry, 'userAccountControl') ?? 0)
  if ((control & ACCOUNT_DISABLE) !== 0) return true
  if (firstText(entry, 'nsAccountLock')?.toLowerCase() === 'true') return true
  const locked = valuesOf(entry, 'pwdAccountLockedTime')[0]
  return locked === LOCKED_FOR_GOOD || (locked instanceof Date && locked.getTime() === readTime(LOCKED_FOR_GOOD)?.getTime())
}

/** When the password of an account was changed last, where the directory tells. */
export function passwordChanged(entry: Entry): Date | undefined {
  const ticks = firstText(entry, 'pwdLastSet')
  if (ticks !== undefined && /^[1-9]\d{0,18}$/.test(ticks)) return new Date(Number(BigInt(ticks) / 10_000n) - WINDOWS_EPOCH)
  for (const name of ['pwdChangedTime', 'krbLastPwdChange']) {
    const [value] = valuesOf(entry, name)
    const time = value instanceof Date ? value : typeof value === 'string' ? readTime(value) : undefined
    if (time) return time
  }
  return undefined
}
