import { apart } from './apart.ts'
import type { Asking, Challenge } from './challenge.ts'
import type { Texts } from './locales/en.ts'

/** Looks up a text and fills its `{placeholders}`, each kept apart from the words around it. */
export type Translate = (key: keyof Texts, values?: Record<string, string>) => string

/** Makes `t` for one table. */
export const translator =
  (texts: Texts): Translate =>
  (key, values) =>
    texts[key].replace(/\{(\w+)\}/g, (whole, name: string) => (values?.[name] === undefined ? whole : apart(values[name])))

/** Sentences that the server writes in English and that every installation shows, with the key of their translation. */
const SERVER_TEXTS: Record<string, keyof Texts> = {
  'Log in': 'log_in',
  Continue: 'continue',
  'Failed to authenticate.': 'failed_to_authenticate',
  'No identification data provided.': 'no_identification',
  'Invalid password': 'invalid_password',
  'This field is required.': 'field_required',
  'This field may not be blank.': 'field_required',
  'This field may not be null.': 'field_required',
  "Passwords don't match.": 'passwords_differ',
  'Username is already taken.': 'username_taken',
  'Enter a valid email address.': 'email_invalid',
  'A valid integer is required.': 'number_invalid',
  'Request has been denied.': 'request_denied',
  'Flow does not apply to current user.': 'flow_not_applicable',
  'Unknown error': 'unknown_error',
  'The device was not connected.': 'device_declined',
  'Invalid code': 'code_wrong',
  'The code is not valid any more. Start again on the device.': 'device_over',
  'This sign-in belongs to another session.': 'other_session',
  'The application has changed. Please begin anew.': 'application_changed',
  'Invalid captcha response': 'captcha_refused',
  'Invalid captcha response. Retrying may solve this issue.': 'captcha_retry',
  'Failed to validate token': 'captcha_unreachable',
  'Code does not match': 'code_wrong',
  'Too many codes were sent. Please try again later.': 'codes_too_many',
  'Too many attempts. Please try again later.': 'code_tries',
  'The code could not be sent. Please try again later.': 'code_not_sent',
  'Invalid email': 'mail_factor_refused',
  'Invalid phone number': 'phone_refused',
  'The user already has an email address registered for MFA.': 'mail_factor_exists',
  'Invalid enrollment status: waiting.': 'duo_not_yet',
  'Duo denied access': 'duo_denied',
  'Duo could not enroll this account.': 'duo_enroll_failed',
  'Duo cannot be reached. Please try again later.': 'duo_unreachable',
  'This file is too large.': 'file_too_large',
  'Invalid scheme': 'file_invalid',
  'Invalid encoding': 'file_invalid',
  'Date has wrong format. Use one of these formats instead: YYYY-MM-DD.': 'date_invalid',
  'email-sent': 'email_sent',
  'Assertion failed': 'passkey_refused',
  'Invalid device': 'passkey_of_other',
  'Credential ID already exists.': 'passkey_exists',
  'This invitation was already used.': 'invitation_used',
  'Invalid invite/invite not found': 'invitation_invalid',
  'Link was already used, please request a new link.': 'link_used',
  'This link was used already.': 'link_used',
  'Continue to confirm this email address.': 'email_confirm',
  'Invalid Token. Please ensure the time on your device is accurate and try again.': 'mfa_wrong_code',
  'No (allowed) MFA authenticator configured.': 'mfa_none',
  'No compatible device class allowed': 'mfa_not_allowed',
  'invalid challenge selected': 'mfa_not_allowed',
  'Selected stage is invalid': 'mfa_not_allowed',
  'Do you want to sign out?': 'asks_sign_out_here',
}

/** The same with a name in them. */
const SERVER_PATTERNS: readonly (readonly [RegExp, keyof Texts])[] = [
  [/^You're about to sign into (.+)\.$/s, 'sign_into'],
  [/^You're about to sign a device into (.+)\.$/s, 'sign_device_into'],
  [/^Do you want to sign out of (.+)\?$/s, 'asks_sign_out'],
  [/^Ensure this field has no more than (\d+) characters\.$/, 'too_long'],
]

/** Translates a sentence of the server's if it is a known one; what administrators wrote stays as it is. */
export function sayServerText(t: Translate, text: string): string {
  if (Object.hasOwn(SERVER_TEXTS, text)) return t(SERVER_TEXTS[text]!)
  return fromPattern(t, text, SERVER_PATTERNS) ?? text
}

function fromPattern(t: Translate, text: string, patterns: readonly (readonly [RegExp, keyof Texts])[]): string | undefined {
  for (const [pattern, key] of patterns) {
    const name = pattern.exec(text)?.[1]
    if (name !== undefined) return t(key, { name })
  }
  return undefined
}

/** Titles and labels of what every installation begins with. Administrators who give it words of their own see those. */
const STOCK: Record<string, keyof Texts> = {
  'Default Invalidation Flow': 'sign_out_of',
  'Welcome to authentik!': 'welcome_to',
  'Welcome to Signet': 'welcome_to',
  'Sign in': 'sign_in',
  'Reset your password': 'reset_password',
  'Change password': 'change_password',
  'Update your info': 'update_info',
  'Make your account': 'make_account',
  Username: 'username',
  Name: 'name',
  Email: 'email',
  Password: 'password',
  'Password (repeat)': 'password_repeat',
  Locale: 'language',
}
const STOCK_PATTERNS: readonly (readonly [RegExp, keyof Texts])[] = [
  [/^(?:Redirecting|Continue) to (.+)$/s, 'going_to'],
  [/^You've logged out of (.+)\.$/s, 'session_ended'],
]

/** A title or a label as people read it: in their language, and about the brand whose page it is. */
export function sayStockText(t: Translate, text: string, brand: string): string {
  if (Object.hasOwn(STOCK, text)) return t(STOCK[text]!, { name: brand })
  return fromPattern(t, text, STOCK_PATTERNS) ?? text
}

/** Whether a text is the question before a sign-out. It stands as the title: the flow's own says already that it is done. */
export const asksToSignOut = (text: unknown): text is string =>
  typeof text === 'string' && /^Do you want to sign out(?: of .+)?\?$/s.test(text)

/** The title above a challenge. Whoever has signed out is told of that, rather than what the flow that did it is called. */
export function titleOf(t: Translate, challenge: Challenge, brand: string, asking?: Asking): string {
  // The flow's title would repeat a name that nobody has checked.
  if (asking?.unverified && challenge.component === 'ak-stage-consent') return t('consent_title')
  const title = challenge.flow_info?.title ?? ''
  if (challenge.component === 'ak-stage-session-end' && title === 'Default Invalidation Flow') return t('signed_out_of', { name: brand })
  if (challenge.component === 'ak-stage-consent' && asksToSignOut(challenge.header_text)) return sayServerText(t, challenge.header_text)
  return sayStockText(t, title, brand)
}
