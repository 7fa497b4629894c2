/** Text encodings. */
import { exception, raise } from '../errors.ts'
import { latin1 } from '../keys.ts'
import type { Runtime } from '../module.ts'

type Payer = Pick<Runtime, 'charge' | 'alloc'>

const canonical = (name: string): string => {
  switch (name.toLowerCase().replace(/[-_ ]/g, '')) {
    case 'utf8':
    case 'u8':
      return 'utf-8'
    case 'ascii':
    case 'usascii':
      return 'ascii'
    case 'latin1':
    case 'iso88591':
    case 'l1':
      return 'latin-1'
    case 'utf16':
    case 'utf16le':
    case 'utf16be':
    case 'utf8sig':
      return name.toLowerCase().replace(/_/g, '-')
    default:
      return raise(exceptionName, `unknown encoding: ${name}`)
  }
}
const exceptionName = 'LookupError'

/** Text to bytes. UnicodeEncodeError unless `errors` says otherwise. */
export function encode(text: string, encoding: string, errors: string, rt: Payer): Uint8Array {
  const name = canonical(encoding)
  rt.charge(1 + (text.length >> 5))
  rt.alloc(text.length)
  if (name === 'utf-8' || name === 'utf-8-sig') {
    if (/[\ud800-\udfff]/.test(text) && !text.isWellFormed()) {
      if (errors === 'strict') throw exception('UnicodeEncodeError', "'utf-8' codec can't encode character: surrogates not allowed")
      rt.charge(2 * text.length)
      text = errors === 'ignore' ? text.replace(/[\ud800-\udfff]/gu, '') : text.replace(/[\ud800-\udfff]/gu, '?')
    }
    const whole = name === 'utf-8-sig' ? `\ufeff${text}` : text
    const size = Buffer.byteLength(whole, 'utf8')
    if (size > text.length) rt.alloc(size)
    return Buffer.from(whole, 'utf8')
  }
  if (name.startsWith('utf-16')) {
    rt.alloc(2 * text.length)
    const little = Buffer.from(name === 'utf-16' ? `\ufeff${text}` : text, 'utf16le')
    return name === 'utf-16-be' || name === 'utf-16be' ? little.swap16() : little
  }
  const limit = name === 'ascii' ? 128 : 256
  if (limit === 256 && !/[^\x00-\xff]/.test(text)) return Buffer.from(text, 'latin1')
  if (limit === 128 && !/[^\x00-\x7f]/.test(text)) return Buffer.from(text, 'latin1')
  rt.charge(2 * text.length)
  rt.alloc(16 * text.length)
  const out: number[] = []
  let position = 0
  for (const c of text) {
    const code = c.codePointAt(0)!
    if (code < limit) out.push(code)
    else if (errors === 'strict')
      throw exception(
        'UnicodeEncodeError',
        `'${name}' codec can't encode character '\\${code < 256 ? `x${code.toString(16)}` : code < 65536 ? `u${code.toString(16).padStart(4, '0')}` : `U${code.toString(16).padStart(8, '0')}`}' in position ${position}: ordinal not in range(${limit})`,
      )
    else if (errors === 'replace') out.push(63)
    else if (errors === 'xmlcharrefreplace') {
      rt.charge(5)
      out.push(...Buffer.from(`&#${code};`))
    } else if (errors === 'backslashreplace') {
      rt.charge(5)
      out.push(...Buffer.from(code < 256 ? `\\x${code.toString(16)}` : `\\u${code.toString(16).padStart(4, '0')}`))
    }
    position++
  }
  return Uint8Array.from(out)
}

/** Bytes to text. UnicodeDecodeError unless `errors` says otherwise. */
export function decode(data: Uint8Array, encoding: string, errors: string, rt: Payer): string {
  const name = canonical(encoding)
  rt.charge(1 + (data.length >> 4))
  rt.alloc(data.length)
  if (name === 'latin-1') return latin1(data)
  if (name === 'ascii') {
    const at = data.findIndex(byte => byte > 127)
    if (at >= 0 && errors === 'strict')
      throw exception(
        'UnicodeDecodeError',
        `'ascii' codec can't decode byte 0x${data[at]!.toString(16)} in position ${at}: ordinal not in range(128)`,
      )
    if (at < 0) return latin1(data)
    rt.charge(data.length)
    return latin1(errors === 'ignore' ? data.filter(byte => byte < 128) : data).replace(/[\x80-\xff]+/g, run => '\ufffd'.repeat(run.length))
  }
  if (name.startsWith('utf-16'))
    return new TextDecoder(name.includes('be') ? 'utf-16be' : 'utf-16le', { ignoreBOM: name !== 'utf-16' }).decode(data)
  try {
    const text = new TextDecoder('utf-8', { fatal: errors === 'strict', ignoreBOM: name === 'utf-8' }).decode(data)
    return errors === 'ignore' ? text.replace(/\ufffd+/g, '') : text
  } catch {
    const at = firstInvalid(data)
    throw exception(
      'UnicodeDecodeError',
      `'utf-8' codec can't decode byte 0x${data[at]!.toString(16).padStart(2, '0')} in position ${at}: invalid start byte`,
    )
  }
}

/** Position of the first byte that is not UTF-8. */
function firstInvalid(data: Uint8Array): number {
  const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
  const again = Buffer.from(decoder.decode(data), 'utf8')
  for (let i = 0; i < data.length; i++) if (again[i] !== data[i]) return i
  return data.length - 1
}
