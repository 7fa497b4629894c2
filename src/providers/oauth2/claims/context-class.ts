import type { Row } from '../../../api/model.ts'
import { DEVICE_CLASSES, type DeviceClass } from '../../../authenticators/kind.ts'
import type { Session } from '../../../core/session/session.ts'
import { ACR } from './claims.ts'
import type { ClaimWish } from './requested.ts'

/** Authentication context classes, OIDC Core §2 `acr`: names for how surely a sign-in says who is there. */

/** A second factor, https://refeds.org/profile/mfa. */
const MFA = 'https://refeds.org/profile/mfa'
/** Nothing that can be phished, OpenID Connect EAP ACR Values §3. */
const PHISHING_RESISTANT = 'phr'

/** By class: the authenticators of which one has to be used beside the password, or in its place; none: any sign-in will do. */
const CLASSES: ReadonlyMap<string, readonly DeviceClass[]> = new Map<string, readonly DeviceClass[]>([
  [ACR, []],
  [MFA, DEVICE_CLASSES],
  [PHISHING_RESISTANT, ['webauthn']],
])

/** As discovery tells them. */
export const CONTEXT_CLASSES: readonly string[] = [...CLASSES.keys()]

/** What a request wants of the sign-in, the most wanted first. `essential`: it is worth nothing without. JSON, since plans keep it. */
export type WantedContext = { values: string[]; essential: boolean }

/**
 * What a request wants of the sign-in: `claims` says it best (OIDC Core §5.5.1.1), then `acr_values`, then what the client registered. Null: nothing.
 */
export function wantedContext(wish: ClaimWish | undefined, acrValues: string | undefined, usual: readonly string[]): WantedContext | null {
  const claimed = wish?.values?.filter(value => typeof value === 'string')
  if (claimed) return { values: claimed, essential: wish!.essential }
  const values = acrValues?.split(' ').filter(Boolean) ?? usual
  return values.length === 0 ? null : { values: [...values], essential: false }
}

/** Classes of the authenticators that were used at a sign-in, by the entries that flows keep of them. */
export const usedDevices = (args: Row | null | undefined): DeviceClass[] => {
  const used = (args?.mfa_devices as { model_name?: unknown }[] | undefined) ?? []
  return used.map(({ model_name: name }) => CLASS_OF_MODEL[String(name)]).filter(found => found !== undefined)
}

const CLASS_OF_MODEL: Readonly<Record<string, DeviceClass | undefined>> = {
  staticdevice: 'static',
  totpdevice: 'totp',
  webauthndevice: 'webauthn',
  duodevice: 'duo',
  smsdevice: 'sms',
  emaildevice: 'email',
}

/** A device alone is one factor, unless it is a passkey, which asks who is holding it. */
const isOneFactor = (method: string | null, used: readonly DeviceClass[]): boolean => method === 'auth_mfa' && !used.includes('webauthn')

function suffices(context: string, { auth_method: method, auth_method_args: args }: Session): boolean {
  const demanded = CLASSES.get(context)
  if (demanded === undefined || demanded.length === 0) return demanded !== undefined
  const used = usedDevices(args)
  return used.some(device => demanded.includes(device)) && !(context === MFA && isOneFactor(method, used))
}

/** The most wanted class that a sign-in is of; undefined when it is of none of them. */
export const contextOf = (session: Session, wanted: WantedContext): string | undefined =>
  wanted.values.find(context => suffices(context, session))

/** The authenticators that a sign-in needs so that it is of a wanted class; undefined: none, or none that we know would do. */
export function demandedDevices(wanted: WantedContext | null): DeviceClass[] | undefined {
  const known = wanted?.values.filter(value => CLASSES.has(value)) ?? []
  if (known.length === 0 || known.some(value => CLASSES.get(value)!.length === 0)) return undefined
  return [...new Set(known.flatMap(value => CLASSES.get(value)!))]
}
