import { createHash } from 'node:crypto'
import type { Row } from '../api/model.ts'

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

/**
 * The picture of an account by the first mode of the setting `avatars` that yields one. `gravatar` and URL templates need
 * an outgoing request to know whether a picture exists; they are passed over until that check is there.
 */
export function avatarOf(user: Row, modes: string): string {
  for (const mode of modes.split(',')) {
    if (mode === 'none') return DEFAULT_AVATAR
    if (mode === 'initials') return initials(user)
    if (mode.startsWith('attributes.')) {
      const value = atPath(user.attributes, mode.slice('attributes.'.length).split('.'))
      if (typeof value === 'string' && value !== '') return value
    }
  }
  return DEFAULT_AVATAR
}
