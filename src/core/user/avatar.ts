import { createHash } from 'node:crypto'
import type { Row } from '../../api/model.ts'
import type { Ctx } from '../../context.ts'
import { isPicture } from './picture.ts'
import { askForPicture, knownPicture } from './avatar-probe.ts'

/** Picture of last resort. */
export const DEFAULT_AVATAR = '/static/dist/assets/images/user_default.png'

const escapeXml = (text: string): string => text.replaceAll(/[<>&"']/g, char => `&#${char.codePointAt(0)};`)

/** Initials on a colour that follows from the name: a picture that needs nobody. */
function initials(user: Row): string {
  const name = String(user.name || user.username || 'a k').trim()
  const words = name.split(/\s+/)
  const first = [...words[0]!][0] ?? 'a'
  const last = words.length > 1 ? [...words.at(-1)!][0]! : ([...words[0]!][1] ?? '')
  const hue = createHash('md5').update(name).digest().readUInt16BE(0) % 360
  const svg =
    `<svg xmlns="http://www.w3.org/2000/svg" width="64" height="64" viewBox="0 0 64 64"><rect width="64" height="64" fill="hsl(${hue} 38% 42%)"/>` +
    `<text x="32" y="33" fill="#fff" font-family="Inter,system-ui,sans-serif" font-size="26" font-weight="600" text-anchor="middle" dominant-baseline="central">${escapeXml((first + last).toUpperCase())}</text></svg>`
  return `data:image/svg+xml;base64,${Buffer.from(svg).toString('base64')}`
}

const atPath = (value: unknown, path: string[]): unknown =>
  path.reduce<unknown>(
    (found, key) => (typeof found === 'object' && found !== null && Object.hasOwn(found, key) ? (found as Row)[key] : undefined),
    value,
  )

const mailOf = (user: Row): string => (typeof user.email === 'string' ? user.email.trim().toLowerCase() : '')
const digest = (algorithm: 'md5' | 'sha256', text: string): string => createHash(algorithm).update(text).digest('hex')

/** What a template may name. An account that lacks one of them has no address of this kind. */
const PLACEHOLDERS: Record<string, (user: Row) => string> = {
  username: user => (typeof user.username === 'string' ? user.username : ''),
  mail_hash: user => (mailOf(user) === '' ? '' : digest('md5', mailOf(user))),
  upn: user => {
    const upn = atPath(user.attributes, ['upn'])
    return typeof upn === 'string' ? upn : ''
  },
}

/** The address of an account's picture elsewhere, where the mode is one that has it elsewhere. */
function addressOf(user: Row, mode: string): string | undefined {
  if (mode === 'gravatar') {
    const mail = mailOf(user)
    return mail === '' ? undefined : `https://www.gravatar.com/avatar/${digest('sha256', mail)}?size=158&rating=g&default=404`
  }
  if (!mode.includes('://')) return undefined
  let complete = true
  const url = mode.replaceAll(/%\((\w+)\)s/g, (whole, name: string) => {
    const value = Object.hasOwn(PLACEHOLDERS, name) ? PLACEHOLDERS[name]!(user) : ''
    if (value === '') complete = false
    return value === '' ? whole : encodeURIComponent(value)
  })
  return complete ? url : undefined
}

/** What a mode gives by itself. */
function local(user: Row, mode: string): string | undefined {
  if (mode === 'none') return DEFAULT_AVATAR
  if (mode === 'initials') return initials(user)
  if (!mode.startsWith('attributes.')) return undefined
  const value = atPath(user.attributes, mode.slice('attributes.'.length).split('.'))
  return typeof value === 'string' && isPicture(value) ? value : undefined
}

/**
 * The picture of an account by the first mode of the setting `avatars` that yields one. Waits for nobody: whether there is one at
 * Gravatar or at the address of a template is asked meanwhile, and counts from the next time on.
 */
export function avatarOf(ctx: Ctx, user: Row, modes: string): string {
  for (const mode of modes.split(',')) {
    const found = local(user, mode)
    if (found !== undefined) return found
    const address = addressOf(user, mode)
    if (address === undefined) continue
    const there = knownPicture(ctx, address)
    if (there) return address
    if (there === undefined) void askForPicture(ctx, address, 'lists')
  }
  return DEFAULT_AVATAR
}

/** The picture of a name that somebody typed: nobody else is asked about it. */
export const avatarOfName = (ctx: Ctx, name: string, modes: string): string => {
  const own = modes.split(',').filter(mode => mode === 'initials' || mode === 'none')
  return name === '' ? DEFAULT_AVATAR : avatarOf(ctx, { name, username: name }, own.join(','))
}

/** The same for one's own page, which waits a moment for what is not known yet. */
export async function ownAvatar(ctx: Ctx, user: Row, modes: string): Promise<string> {
  for (const mode of modes.split(',')) {
    if (local(user, mode) !== undefined) break
    const address = addressOf(user, mode)
    if (address !== undefined && (await askForPicture(ctx, address, String(user.id)))) break
  }
  return avatarOf(ctx, user, modes)
}
