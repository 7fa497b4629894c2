import { formPairs } from '../../http/form-pairs.ts'
import { invalidRequest } from './errors.ts'

/** Bounds of what one request may bring: generous to honest clients, and small beside what would hurt. */
const MAX_PARAMETERS = 64
const MAX_TOTAL = 48 * 1024 // characters
const MAX_VALUE = 4_096
const MAX_LENGTHS: Readonly<Record<string, number>> = {
  client_id: 255,
  client_secret: 4_096,
  redirect_uri: 2_048,
  post_logout_redirect_uri: 2_048,
  login_hint: 320,
  code_challenge: 256,
  code_verifier: 256,
  code: 24 * 1024,
  refresh_token: 24 * 1024,
  id_token_hint: 24 * 1024,
  request: 24 * 1024,
  claims: 8_192,
  token: 24 * 1024,
  access_token: 24 * 1024,
}

export type Parameters = {
  /** The one value of a parameter; undefined when it is absent, empty (RFC 6749 §3.1: as if omitted) or repeated. */
  get: (name: string) => string | undefined
  /** The first parameter that breaks a rule, and which: repeated (RFC 6749 §3.1), too long, with control characters. */
  fault: { name: string; why: string } | undefined
  names: readonly string[]
  empty: boolean
}

/** Reads a query string or a form body; never throws, since who must be told of a fault depends on which parameter it is. */
export function readParameters(text: string): Parameters {
  // Of a parameter that is there and has no value to speak of, its name alone.
  const values = new Map<string, string | undefined>()
  let fault: Parameters['fault']
  const broken = (name: string, why: string) => void (fault ??= { name, why })
  const pairs = text.length > MAX_TOTAL ? [] : formPairs(text)
  if (text.length > MAX_TOTAL) broken('', 'The request is too large')
  if (pairs.length > MAX_PARAMETERS) broken('', 'The request has too many parameters')
  for (const [name, value] of pairs.length > MAX_PARAMETERS ? pairs.slice(0, MAX_PARAMETERS) : pairs) {
    if (values.has(name)) {
      values.set(name, undefined)
      broken(name, `The parameter ${printable(name)} is repeated`)
      continue
    }
    values.set(name, undefined)
    // oxlint-disable-next-line no-control-regex -- control characters are what is refused
    if (/[\u0000-\u001f\u007f]/.test(value)) broken(name, `The parameter ${printable(name)} has control characters`)
    else if (value.length > (MAX_LENGTHS[name] ?? MAX_VALUE)) broken(name, `The parameter ${printable(name)} is too long`)
    else if (value !== '') values.set(name, value)
  }
  return { get: name => values.get(name), fault, names: [...values.keys()], empty: pairs.length === 0 }
}

/** A name from outside, fit for a description: `%x20-21 / %x23-5B / %x5D-7E`, RFC 6749 appendix A.8. */
const printable = (name: string): string => name.slice(0, 40).replaceAll(/[^\w.-]/g, '?')

/** Refuses a request with a parameter that breaks a rule. */
export function requireSound(parameters: Parameters): void {
  if (parameters.fault) throw invalidRequest(parameters.fault.why)
}

const MAX_SCOPES = 64

/** The names in a `scope` parameter, each once, in their order (RFC 6749 §3.3); undefined when one is malformed or there are too many. */
export function parseScope(text: string | undefined): string[] | undefined {
  const names = [...new Set((text ?? '').split(' ').filter(Boolean))]
  if (names.length > MAX_SCOPES) return undefined
  return names.every(name => /^[\u0021\u0023-\u005b\u005d-\u007e]{1,255}$/.test(name)) ? names : undefined
}
