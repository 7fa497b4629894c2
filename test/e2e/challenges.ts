import type { Asking, Challenge } from '../../src/interfaces/flow.ts'

const flow_info = {
  title: 'Welcome to Example Home',
  background: '/static/dist/assets/images/flow_background.jpg',
  cancel_url: '/flows/-/cancel/',
  layout: 'stacked',
}
const user = {
  pending_user: 'jane@example.org',
  pending_user_avatar: '/static/dist/assets/images/user_default.png',
}

const source = (name: string, promoted = false) => ({
  name,
  icon_url: null,
  promoted,
  challenge: { component: 'xak-flow-redirect', to: `/source/oauth/login/${name.toLowerCase()}/` },
})

export const identification: Challenge = {
  component: 'ak-stage-identification',
  flow_info,
  user_fields: ['email', 'username'],
  password_fields: false,
  flow_designation: 'authentication',
  primary_action: 'Log in',
  sources: [],
  show_source_labels: false,
  enable_remember_me: false,
}

/** Everything that the identification stage can show at once. */
export const fullIdentification: Challenge = {
  ...identification,
  flow_info: { ...flow_info, title: 'Sign in' },
  password_fields: true,
  allow_show_password: true,
  application_pre: 'Immich',
  recovery_url: '/if/flow/recovery/',
  enroll_url: '/if/flow/enroll/',
  passwordless_url: '/if/flow/passwordless/',
  enable_remember_me: true,
  show_source_labels: true,
  sources: [source('Google'), source('GitHub'), source('Facebook')],
}

/** Who wants to be signed in to registered itself. */
export const identificationUnverified: Challenge = { ...identification, application_pre: 'Signet', token: 'unverified-token' }

const pictured = (name: string, type: string, promoted = false) => ({
  ...source(name, promoted),
  icon_url: `/static/dist/assets/icons/sources/${type}.svg`,
})

/** Many sources beside the name, told apart by their pictures. */
export const manySources: Challenge = {
  ...identification,
  passkey_challenge: null,
  sources: [
    pictured('Company', 'openidconnect', true),
    pictured('Discord', 'discord'),
    pictured('GitHub', 'github'),
    pictured('GitLab', 'gitlab'),
    pictured('Google', 'google'),
    source('Intranet'),
  ],
}

/** An enrolment that asks for no name: an account elsewhere says who it is, or a passkey will. */
export const enrolment: Challenge = {
  ...identification,
  flow_info: { ...flow_info, title: 'Make your account' },
  user_fields: [],
  flow_designation: 'enrollment',
  primary_action: 'Continue',
  passwordless_url: '/if/flow/invitation-passkey/?itoken=x',
  show_source_labels: true,
  sources: [
    pictured('Facebook', 'facebook'),
    pictured('GitHub', 'github'),
    pictured('Google', 'google'),
    {
      ...pictured('Apple', 'apple'),
      challenge: {
        component: 'ak-source-oauth-apple',
        client_id: 'org.example.signin',
        scope: 'name email',
        redirect_uri: 'https://id.example.org/source/oauth/callback/apple/',
        state: 'a-state',
      },
    },
  ],
}

export const password: Challenge = {
  component: 'ak-stage-password',
  flow_info,
  ...user,
  allow_show_password: true,
  recovery_url: '/if/flow/recovery/',
}

/** Who asks for consent, by the token of the challenge: the page is told of it beside that. */
export const ASKINGS: Readonly<Record<string, Asking>> = {
  'consent-token': { name: 'Grafana', declines: true, publisher: 'Example Home' },
  'unverified-token': {
    name: 'Signet',
    declines: true,
    unverified: true,
    goesTo: 'signet.example.net',
    home: 'https://signet.example.net/about',
    policy: 'https://signet.example.net/privacy',
    terms: 'https://signet.example.net/terms',
  },
  'device-token': { name: 'Living Room Television', declines: true, device: true },
}

export const consent: Challenge = {
  component: 'ak-stage-consent',
  flow_info: { ...flow_info, title: 'Redirecting to Grafana' },
  ...user,
  header_text: "You're about to sign into Grafana.",
  permissions: [
    { id: 'email', name: 'Email address' },
    { id: 'profile', name: 'General Profile Information' },
  ],
  additional_permissions: [{ id: 'groups', name: 'The groups you are in' }],
  token: 'consent-token',
}
export const consentUnverified: Challenge = {
  ...consent,
  flow_info: { ...flow_info, title: 'Redirecting to Signet' },
  header_text: "You're about to sign into Signet.",
  permissions: [
    { id: 'openid', name: '' },
    { id: 'email', name: 'Email address' },
    { id: 'offline_access', name: 'Access to request new tokens without interaction' },
    { id: 'goauthentik.io/api', name: 'authentik API Access on behalf of your user' },
  ],
  additional_permissions: [],
  token: 'unverified-token',
}
export const consentDevice: Challenge = {
  ...consent,
  flow_info: { ...flow_info, title: 'Redirecting to Living Room Television' },
  header_text: "You're about to sign a device into Living Room Television.",
  permissions: [{ id: 'profile', name: 'General Profile Information' }],
  additional_permissions: [],
  token: 'device-token',
}
export const deviceCode: Challenge = {
  component: 'ak-provider-oauth2-device-code',
  flow_info: { ...flow_info, title: 'Connect a device' },
}
export const deviceDone: Challenge = {
  component: 'ak-provider-oauth2-device-code-finish',
  flow_info: { ...flow_info, title: 'Connect a device' },
}
export const deviceDeclined: Challenge = {
  component: 'ak-stage-access-denied',
  flow_info: { ...flow_info, title: 'Connect a device' },
  ...user,
  error_message: 'The device was not connected.',
}

export const mailFactor: Challenge = {
  component: 'ak-stage-authenticator-email',
  flow_info,
  ...user,
  email: 'j***@example.org',
  email_required: false,
}
export const mailFactorAsked: Challenge = { ...mailFactor, email: null, email_required: true }
export const phoneFactor: Challenge = {
  component: 'ak-stage-authenticator-sms',
  flow_info,
  ...user,
  phone_number: '***100',
  phone_number_required: false,
}
export const phoneFactorAsked: Challenge = { ...phoneFactor, phone_number: null, phone_number_required: true }
export const duoSetup: Challenge = {
  component: 'ak-stage-authenticator-duo',
  flow_info,
  ...user,
  activation_barcode: '/static/dist/assets/images/user_default.png',
  activation_code: 'duo://XXXXXXXXXXXXXXXX-YYYYYYYYYYYYYYYY',
  stage_uuid: '3a1d0b1c-4f06-4a05-8c88-0c1ad1ff8e2f',
}

/** Easy enough to be solved while a test waits for it. */
export const captcha: Challenge = {
  component: 'ak-stage-captcha',
  flow_info,
  ...user,
  js_url: '/static/dist/proof-of-work.js',
  site_key: `10.9999999999.${'n'.repeat(22)}.signature`,
  interactive: false,
}
export const withCaptcha: Challenge = {
  ...identification,
  captcha_stage: { ...captcha, pending_user: '', flow_info: undefined },
}

export const userLogin: Challenge = { component: 'ak-stage-user-login', flow_info, ...user }
export const accessDenied: Challenge = {
  component: 'ak-stage-access-denied',
  flow_info,
  pending_user: '',
  pending_user_avatar: user.pending_user_avatar,
  error_message: 'Flow does not apply to current user.',
}
export const flowError: Challenge = {
  component: 'ak-stage-flow-error',
  request_id: 'a3c1f0de92b54c7d',
  error: 'KeyError: prompt_data',
  traceback: 'Traceback (most recent call last):\n  line 3, in expression\nKeyError: prompt_data',
}
export const sessionEnd: Challenge = {
  component: 'ak-stage-session-end',
  flow_info: { ...flow_info, title: "You've logged out of Grafana." },
  ...user,
  application_name: 'Grafana',
  application_launch_url: 'https://grafana.example.org/',
  invalidation_flow_url: '/if/flow/default-invalidation-flow/',
  brand_name: 'Example Home',
}
/** After signing out of the brand as well. */
export const signedOut: Challenge = {
  component: 'ak-stage-session-end',
  flow_info: { ...flow_info, title: 'Default Invalidation Flow' },
  pending_user: '',
  pending_user_avatar: user.pending_user_avatar,
  application_name: 'Grafana',
  brand_name: 'Example Home',
}
/** Two applications hear of the sign-out through the browser. */
const logoutFrames: Challenge = {
  component: 'ak-provider-iframe-logout',
  flow_info: { ...flow_info, title: 'Default Invalidation Flow' },
  logout_urls: ['Grafana', 'Family Notes'].map(provider_name => ({
    url: 'https://app.example.org/out',
    provider_name,
    binding: 'redirect',
  })),
}
export const redirect = (to: string): Challenge => ({ component: 'xak-flow-redirect', to, final_redirect: true })
export const shell: Challenge = {
  component: 'xak-flow-shell',
  body: '<h2>Almost there</h2><p onclick="alert(1)">Read the <a href="javascript:alert(1)">rules</a>.</p><script>document.title="pwned"</script>',
}
export const autosubmit = (url: string): Challenge => ({
  component: 'ak-stage-autosubmit',
  flow_info,
  url,
  attrs: { SAMLResponse: 'PHNhbWw+', RelayState: '"><script>document.title="pwned"</script>', submit: 'a trap' },
  title: 'Redirecting to Grafana…',
})
export const unknown: Challenge = { component: 'ak-stage-crystal-ball', flow_info }
export const dummy: Challenge = { component: 'ak-stage-dummy', flow_info, name: 'A step for testing' }

const field = (field_key: string, type: string, more: Record<string, unknown> = {}) => ({
  field_key,
  label: field_key,
  type,
  required: true,
  placeholder: '',
  initial_value: '',
  order: 0,
  sub_text: '',
  choices: null,
  ...more,
})

/** As the first start asks it. */
export const initialSetup: Challenge = {
  component: 'ak-stage-prompt',
  flow_info: { ...flow_info, title: 'Welcome to authentik!' },
  fields: [
    field('header', 'static', { label: 'Welcome', initial_value: 'Set a password for the default admin user, <b>akadmin</b>.' }),
    field('email', 'email', { label: 'Email', placeholder: 'admin@example.org' }),
    field('password', 'password', { label: 'Password' }),
    field('password_repeat', 'password', { label: 'Password (repeat)' }),
  ],
}

/** A field of every type. */
export const everyPrompt: Challenge = {
  component: 'ak-stage-prompt',
  flow_info: { ...flow_info, title: 'Every field' },
  fields: [
    field('text', 'text', {
      label: 'Text',
      placeholder: 'Write here',
      sub_text: 'With a <b>hint</b> and <a href="https://example.org/">a link</a>.',
    }),
    field('area', 'text_area', { label: 'Text area', required: false }),
    field('fixed', 'text_read_only', { label: 'Fixed', initial_value: 'cannot change' }),
    field('fixed_area', 'text_area_read_only', { label: 'Fixed area', initial_value: 'two\nlines' }),
    field('username', 'username', { label: 'Username' }),
    field('mail', 'email', { label: 'Email', required: false }),
    field('secret', 'password', { label: 'Password' }),
    field('count', 'number', { label: 'Number', initial_value: '3' }),
    field('agree', 'checkbox', { label: 'I agree to the rules' }),
    field('size', 'radio-button-group', {
      label: 'Size',
      initial_value: 'm',
      choices: [
        { value: 's', label: 'Small' },
        { value: 'm', label: 'Medium' },
      ],
    }),
    field('colour', 'dropdown', {
      label: 'Colour',
      initial_value: 'red',
      choices: [
        { value: 'red', label: 'Red' },
        { value: 'blue', label: 'Blue' },
      ],
    }),
    field('line', 'separator'),
    field('born', 'date', { label: 'Date', required: false }),
    field('meet', 'date-time', { label: 'Date and time', required: false }),
    field('avatar', 'file', { label: 'Avatar', required: false }),
    field('secret_note', 'hidden', { initial_value: 'server value' }),
    field('info', 'alert_info', { label: 'For your information', initial_value: 'Nothing to worry about.' }),
    field('warning', 'alert_warning', { label: 'Careful', initial_value: 'This matters.' }),
    field('danger', 'alert_danger', { label: 'Danger', initial_value: 'This cannot be undone.' }),
    field('attributes.settings.locale', 'ak-locale', { label: 'Locale', required: false }),
  ],
}

/** The same challenge, refused. */
export const refused = (challenge: Challenge, errors: Record<string, string>): Challenge => ({
  ...challenge,
  response_errors: Object.fromEntries(Object.entries(errors).map(([name, text]) => [name, [{ string: text, code: 'invalid' }]])),
})

const device = (device_class: string, device_uid: string, last_used: string | null = null, challenge = {}) => ({
  device_class,
  device_uid,
  challenge,
  last_used,
})

/** Asks for a second factor, one of these. */
export const validate = (...device_challenges: ReturnType<typeof device>[]): Challenge => ({
  component: 'ak-stage-authenticator-validate',
  flow_info,
  ...user,
  device_challenges,
  configuration_stages: [],
})

export const validateApp = validate(device('totp', '7'))

export const validateAny = validate(
  device('webauthn', '1', null, { challenge: 'AAAA', rpId: 'localhost', allowCredentials: [] }),
  device('totp', '7', '2026-03-01T10:00:00.000000Z'),
  device('duo', '8'),
  device('sms', '9', null, { phone_number: '***123' }),
  device('email', '10', null, { email: 'j***e@example.org' }),
  device('static', '11'),
)

export const validateMail = validate(device('email', '10', null, { email: 'j***e@example.org' }), device('static', '11'))

export const configure: Challenge = {
  ...validate(),
  configuration_stages: [
    { pk: '6a0f7b9e-0000-4000-8000-000000000001', name: 'TOTP Device', verbose_name: 'TOTP Authenticator', meta_model_name: 'x.y' },
    { pk: '6a0f7b9e-0000-4000-8000-000000000002', name: 'Static tokens', verbose_name: 'Static Authenticator', meta_model_name: 'x.y' },
  ],
}

export const totpSetup: Challenge = {
  component: 'ak-stage-authenticator-totp',
  flow_info: { ...flow_info, title: 'Set up Two-Factor authentication' },
  ...user,
  config_url:
    'otpauth://totp/Example%20Home:jane%40example.org?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&algorithm=SHA1&digits=6&period=30&issuer=Example%20Home',
}

export const staticSetup: Challenge = {
  component: 'ak-stage-authenticator-static',
  flow_info: { ...flow_info, title: 'Setup Static OTP Tokens' },
  ...user,
  codes: ['wx7kq2mh9pzt', 'c4vn8rjt6ybd', 'h3fs9kwm5xqe', 'p8td2ncz7vgj', 'r6bm4yhx9kws', 'z5jq7gfd3tpn'],
}

export const passkeySetup: Challenge = {
  component: 'ak-stage-authenticator-webauthn',
  flow_info: { ...flow_info, title: 'Set up a passkey' },
  ...user,
  registration: { challenge: 'AAAA', rp: { name: 'Example Home' }, user: { id: 'AAAA', name: 'jane', displayName: 'Jane' } },
}

/**
 * What the pictures of the sign-in page show, by name. A view gets its pictures, and is held to fit every screen and to keep the page's
 * policy and its budget, by a line here.
 */
export const GALLERY: Readonly<Record<string, Challenge>> = {
  identification,
  'identification, all at once': fullIdentification,
  'identification, unverified': identificationUnverified,
  'identification, refused': refused(fullIdentification, { non_field_errors: 'Failed to authenticate.' }),
  'identification, many sources': manySources,
  'identification, no name': enrolment,
  password,
  'password, refused': refused(password, { password: 'Invalid password' }),
  captcha: { ...captcha, site_key: `24.9999999999.${'n'.repeat(22)}.signature` },
  'captcha, refused': refused(captcha, { token: 'Invalid captcha response. Retrying may solve this issue.' }),
  'identification with captcha': withCaptcha,
  'user login': userLogin,
  consent,
  'consent, unverified': consentUnverified,
  'consent, a device': consentDevice,
  'device code': deviceCode,
  'device code, refused': refused(deviceCode, { code: 'Invalid code' }),
  'device connected': deviceDone,
  'device declined': deviceDeclined,
  'logout frames': logoutFrames,
  prompt: everyPrompt,
  'prompt, refused': refused(initialSetup, { email: 'Enter a valid email address.', non_field_errors: "Passwords don't match." }),
  'initial set-up': initialSetup,
  'second factor, an app': validateApp,
  'second factor, refused': refused(validateApp, {
    code: 'Invalid Token. Please ensure the time on your device is accurate and try again.',
  }),
  'second factor, any': validateAny,
  'second factor, by mail': validateMail,
  'second factor, to be set up': configure,
  'app, set up': totpSetup,
  'recovery codes, set up': staticSetup,
  'passkey, set up': passkeySetup,
  'passkey, refused': refused(passkeySetup, { response: 'Registration failed. Error: User verification was required' }),
  'second factor, a passkey': refused(validate(device('webauthn', '1')), { webauthn: 'Assertion failed' }),
  email: { component: 'ak-stage-email', flow_info },
  'mail factor': mailFactor,
  'mail factor, refused': refused(mailFactor, { non_field_errors: 'Code does not match' }),
  'mail factor, address asked': mailFactorAsked,
  'phone factor': phoneFactor,
  'phone factor, number asked': refused(phoneFactorAsked, { non_field_errors: 'Invalid phone number' }),
  'Duo set-up': duoSetup,
  'email, sent again': refused({ component: 'ak-stage-email', flow_info }, { non_field_errors: 'email-sent' }),
  dummy,
  shell,
  autosubmit: autosubmit('/elsewhere'),
  redirect: { component: 'xak-flow-redirect', to: 'javascript:void' },
  'access denied': accessDenied,
  'flow error': flowError,
  'session end': sessionEnd,
  'signed out': signedOut,
  unknown,
}
