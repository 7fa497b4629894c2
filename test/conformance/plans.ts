import type { ModuleName } from './modules.ts'

/** What every plan for sign-in runs, whatever the response type. */
export const COMMON_MODULES: readonly ModuleName[] = [
  'oidcc-server',
  'oidcc-idtoken-signature',
  'oidcc-scope-profile',
  'oidcc-scope-email',
  'oidcc-scope-address',
  'oidcc-scope-phone',
  'oidcc-scope-all',
  'oidcc-ensure-other-scope-order-succeeds',
  'oidcc-alternate-happy-flow',
  'oidcc-display-page',
  'oidcc-display-popup',
  'oidcc-prompt-login',
  'oidcc-prompt-none-not-logged-in',
  'oidcc-prompt-none-logged-in',
  'oidcc-max-age-1',
  'oidcc-max-age-10000',
  'oidcc-ensure-request-with-unknown-parameter-succeeds',
  'oidcc-id-token-hint',
  'oidcc-login-hint',
  'oidcc-ui-locales',
  'oidcc-claims-locales',
  'oidcc-ensure-request-with-acr-values-succeeds',
  'oidcc-ensure-registered-redirect-uri',
  'oidcc-request-uri-unsigned-supported-correctly-or-rejected-as-unsupported',
  'oidcc-unsigned-request-object-supported-correctly-or-rejected-as-unsupported',
  'oidcc-ensure-request-object-with-redirect-uri',
  'oidcc-claims-essential',
]

/** What needs an access token. */
export const USERINFO_MODULES: readonly ModuleName[] = ['oidcc-userinfo-get', 'oidcc-userinfo-post-header', 'oidcc-userinfo-post-body']

/** What needs a code. */
export const CODE_MODULES: readonly ModuleName[] = [
  ...USERINFO_MODULES,
  'oidcc-codereuse',
  'oidcc-codereuse-30seconds',
  'oidcc-server-client-secret-post',
  'oidcc-refresh-token',
]

/** Basic OP. */
export const BASIC_MODULES: readonly ModuleName[] = [
  ...COMMON_MODULES,
  ...CODE_MODULES,
  'oidcc-response-type-missing',
  'oidcc-idtoken-unsigned',
  'oidcc-ensure-request-without-nonce-succeeds-for-code-flow',
  'oidcc-ensure-post-request-succeeds',
  'oidcc-ensure-request-with-valid-pkce-succeeds',
]
