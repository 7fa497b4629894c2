import type { Texts } from './locales/en.ts'

/** Looks up a text and fills its `{placeholders}`. */
export type Translate = (key: keyof Texts, values?: Record<string, string>) => string

/** Makes `t` for one table. */
export const translator =
  (texts: Texts): Translate =>
  (key, values) =>
    texts[key].replace(/\{(\w+)\}/g, (whole, name: string) => values?.[name] ?? whole)

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
}

/** Translates a sentence of the server's if it is a known one; what administrators wrote stays as it is. */
export const sayServerText = (t: Translate, text: string): string => (Object.hasOwn(SERVER_TEXTS, text) ? t(SERVER_TEXTS[text]!) : text)
