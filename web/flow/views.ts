import type { ComponentType } from 'preact'
import type { Challenge } from './challenge.ts'
import { AccessDeniedStage } from './stages/ak-stage-access-denied.tsx'
import { AutosubmitStage } from './stages/ak-stage-autosubmit.tsx'
import { DummyStage } from './stages/ak-stage-dummy.tsx'
import { EmailStage } from './stages/ak-stage-email.tsx'
import { FlowErrorStage } from './stages/ak-stage-flow-error.tsx'
import { IdentificationStage } from './stages/ak-stage-identification.tsx'
import { PasswordStage } from './stages/ak-stage-password.tsx'
import { PromptStage } from './stages/ak-stage-prompt.tsx'
import { SessionEndStage } from './stages/ak-stage-session-end.tsx'
import { UserLoginStage } from './stages/ak-stage-user-login.tsx'
import { UnknownStage } from './stages/unknown.tsx'
import { RedirectStage } from './stages/xak-flow-redirect.tsx'
import { ShellStage } from './stages/xak-flow-shell.tsx'

// Each view knows the shape of its own challenge; the name on the wire is the promise that it gets that one.
// oxlint-disable-next-line typescript/no-explicit-any
export type View = ComponentType<{ challenge: any; embedded?: boolean }>

/** The one view that others show inside of theirs. */
export const CAPTCHA = 'ak-stage-captcha'

/** The view of each challenge, by the `component` it names: those that every page brings along. */
const VIEWS: Record<string, View> = {
  'ak-stage-access-denied': AccessDeniedStage,
  'ak-stage-autosubmit': AutosubmitStage,
  'ak-stage-dummy': DummyStage,
  'ak-stage-email': EmailStage,
  'ak-stage-flow-error': FlowErrorStage,
  'ak-stage-identification': IdentificationStage,
  'ak-stage-password': PasswordStage,
  'ak-stage-prompt': PromptStage,
  'ak-stage-session-end': SessionEndStage,
  'ak-stage-user-login': UserLoginStage,
  'xak-flow-redirect': RedirectStage,
  'xak-flow-shell': ShellStage,
}

/**
 * Views that few sign-ins need: each is a file of its own, fetched with the first challenge that wants it. The file is named after
 * the component (`stages/<component>.tsx`), so that the server can tell the browser to fetch it along with the page. A new stage is a
 * file and a line here.
 */
const LATER: Record<string, () => Promise<View>> = {
  'ak-provider-iframe-logout': () => import('./stages/ak-provider-iframe-logout.tsx').then(stage => stage.IframeLogoutStage),
  'ak-provider-oauth2-device-code': () => import('./stages/ak-provider-oauth2-device-code.tsx').then(stage => stage.DeviceCodeStage),
  'ak-provider-oauth2-device-code-finish': () =>
    import('./stages/ak-provider-oauth2-device-code-finish.tsx').then(stage => stage.DeviceFinishStage),
  'ak-stage-consent': async () => (await import('./stages/ak-stage-consent.tsx')).ConsentStage,
  'ak-stage-authenticator-static': async () => (await import('./stages/ak-stage-authenticator-static.tsx')).AuthenticatorStaticStage,
  'ak-stage-authenticator-totp': async () => (await import('./stages/ak-stage-authenticator-totp.tsx')).AuthenticatorTotpStage,
  'ak-stage-authenticator-validate': async () => (await import('./stages/ak-stage-authenticator-validate.tsx')).AuthenticatorValidateStage,
  [CAPTCHA]: () => import('./stages/ak-stage-captcha.tsx').then(stage => stage.CaptchaStage),
  'ak-stage-authenticator-webauthn': async () => (await import('./stages/ak-stage-authenticator-webauthn.tsx')).AuthenticatorWebAuthnStage,
  'ak-stage-authenticator-email': async () => (await import('./stages/ak-stage-authenticator-email.tsx')).AuthenticatorEmailStage,
  'ak-stage-authenticator-sms': async () => (await import('./stages/ak-stage-authenticator-sms.tsx')).AuthenticatorSMSStage,
  'ak-stage-authenticator-duo': async () => (await import('./stages/ak-stage-authenticator-duo.tsx')).AuthenticatorDuoStage,
}

/** Makes sure that `viewOf` knows what this challenge shows. Rejects when it cannot be fetched. */
export async function fetchViews(challenge: Challenge): Promise<void> {
  await Promise.all([fetchView(challenge.component), challenge.captcha_stage ? fetchView(CAPTCHA) : undefined])
}

async function fetchView(component: string): Promise<void> {
  if (Object.hasOwn(VIEWS, component) || !Object.hasOwn(LATER, component)) return
  VIEWS[component] = await LATER[component]!()
}

/** Every view, for the server, which renders without waiting. */
export const fetchAllViews = (): Promise<unknown> => Promise.all(Object.keys(LATER).map(fetchView))

export const viewOf = (component: string): View => (Object.hasOwn(VIEWS, component) ? VIEWS[component]! : UnknownStage)
