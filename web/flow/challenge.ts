/**
 * What the flow executor says and hears. Plain types, read by the browser and by the server alike;
 * names and shapes are those of the published schema (`ChallengeTypes`, `FlowChallengeResponseRequest`).
 */

export interface FlowInfo {
  title?: string
  background?: string
  cancel_url: string
  layout: string
}

export interface ErrorDetail {
  string: string
  code: string
}

/** Any challenge: `component` selects the view, everything else belongs to that view. */
export interface Challenge {
  component: string
  flow_info?: FlowInfo
  /** Keys are the names of response fields, or `non_field_errors` for what concerns the whole form. */
  response_errors?: Record<string, ErrorDetail[]>
  [key: string]: unknown
}

/** The body of a POST to the executor. */
export type Answer = Record<string, unknown>

export interface UserChallenge extends Challenge {
  pending_user: string
  pending_user_avatar: string
}

export interface LoginSource {
  name: string
  icon_url?: string | null
  promoted?: boolean
  challenge: Challenge
}

export interface CaptchaChallenge extends UserChallenge {
  js_url: string
  site_key: string
  interactive: boolean
}

export interface IdentificationChallenge extends Challenge {
  user_fields: string[] | null
  pending_user_identifier?: string | null
  password_fields: boolean
  allow_show_password?: boolean
  application_pre?: string
  captcha_stage?: CaptchaChallenge | null
  enroll_url?: string
  recovery_url?: string
  passwordless_url?: string
  primary_action: string
  sources?: LoginSource[]
  show_source_labels: boolean
  enable_remember_me?: boolean
  /** `PublicKeyCredentialRequestOptionsJSON` for whichever passkey there is. */
  passkey_challenge?: Record<string, unknown> | null
}

export interface PasswordChallenge extends UserChallenge {
  recovery_url?: string
  allow_show_password?: boolean
}

export interface ConsentPermission {
  id: string
  name: string
}

export interface ConsentChallenge extends UserChallenge {
  header_text?: string
  permissions: ConsentPermission[]
  additional_permissions: ConsentPermission[]
  token: string
}

export interface AccessDeniedChallenge extends UserChallenge {
  error_message?: string
}

export interface FlowErrorChallenge extends Challenge {
  request_id: string
  error?: string
  traceback?: string
}

export interface SessionEndChallenge extends UserChallenge {
  application_name?: string
  application_launch_url?: string
  invalidation_flow_url?: string
  overview_url?: string
  brand_name: string
}

export interface IframeLogoutChallenge extends Challenge {
  logout_urls: { url: string; provider_name?: string | null }[]
}

export interface AutosubmitChallenge extends Challenge {
  url: string
  attrs: Record<string, string>
  title?: string
}

export interface RedirectChallenge extends Challenge {
  to: string
  final_redirect?: boolean
}

export interface ShellChallenge extends Challenge {
  body: string
}

export interface DummyChallenge extends Challenge {
  name: string
}

/** One field of a prompt stage; `type` is one of the schema's `PromptTypeEnum`. */
export interface PromptField {
  field_key: string
  label: string
  type: string
  required: boolean
  placeholder: string
  initial_value: string
  order: number
  sub_text: string
  choices: { value: string; label: string }[] | null
}

export interface PromptChallenge extends Challenge {
  fields: PromptField[]
}

/** An application that waits for the end of a flow. No part of a challenge: only our own page is told of it. */
export interface Asking {
  name: string
  /** It registered itself: nobody has checked what it says of itself. */
  unverified?: boolean
  icon?: string
  publisher?: string
  /** Host that the answer goes to; empty: a program on this device. */
  goesTo?: string
  /** Pages of its own. */
  home?: string
  policy?: string
  terms?: string
  /** It is a device that wants to be let in. */
  device?: boolean
  /** Path that leads back to it without what it asked for. */
  leave?: string
  /** Consent may be refused: its answer may carry `decline`. */
  declines?: boolean
  /** Where the page will post the answer, when it is not sent by an address. */
  form?: string
  /** That of the consent challenge it belongs to: another tab may ask for somebody else meanwhile. */
  token?: string
}

/** What the server writes into the page for the client to start from, as JSON in `#flow-data`. */
export interface FlowData {
  challenge: Challenge
  /** Path of the executor for this flow, with the query the page was opened with. */
  executor: string
  /** Name of the brand, the second half of the document's title. */
  brand: string
  csrf: string
  /** The application that waits for the end of the flow. */
  asking?: Asking
  /** What was typed into a form that was posted without JavaScript and refused; never passwords. */
  values: Record<string, string>
}

/** A second factor that may be chosen: one entry for each class, named by its first device. */
export interface DeviceChallenge {
  device_class: string
  device_uid: string
  /** What the class needs to ask: request options of WebAuthn, where a code is sent to. */
  challenge: Record<string, unknown>
  last_used: string | null
}

/** A stage that sets up a second factor. */
export interface ConfigurationStage {
  pk: string
  name: string
  verbose_name: string
}

export interface ValidateChallenge extends UserChallenge {
  device_challenges: DeviceChallenge[]
  configuration_stages: ConfigurationStage[]
}

export interface TotpChallenge extends UserChallenge {
  config_url: string
}

export interface StaticChallenge extends UserChallenge {
  codes: string[]
}
