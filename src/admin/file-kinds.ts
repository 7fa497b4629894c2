/** Kinds of files that may be uploaded: pictures. What a file is, its bytes say; a name or a header can say anything. */

const startsWith = (bytes: Uint8Array, ...wanted: (number | null)[]): boolean =>
  wanted.every((byte, index) => byte === null || bytes[index] === byte)
const latin = (bytes: Uint8Array, from: number, to: number): string => Buffer.from(bytes.subarray(from, to)).toString('latin1')

/** An SVG image by its first element; comments, a declaration and a document type may stand in front. */
function isSvg(bytes: Uint8Array): boolean {
  let text = Buffer.from(bytes.subarray(0, 4096))
    .toString('utf8')
    .replace(/^\uFEFF/, '')
    .trimStart()
  for (;;) {
    const skipped = text.startsWith('<?')
      ? text.indexOf('?>') + 2
      : text.startsWith('<!--')
        ? text.indexOf('-->') + 3
        : /^<!doctype\s+svg\b/i.test(text)
          ? text.indexOf('>') + 1
          : 0
    if (skipped < 3) break
    text = text.slice(skipped).trimStart()
  }
  return /^<svg[\s>/]/.test(text)
}

const KINDS: readonly { type: string; extensions: readonly string[]; matches: (bytes: Uint8Array) => boolean }[] = [
  { type: 'image/png', extensions: ['png'], matches: bytes => startsWith(bytes, 0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a) },
  { type: 'image/jpeg', extensions: ['jpg', 'jpeg'], matches: bytes => startsWith(bytes, 0xff, 0xd8, 0xff) },
  { type: 'image/gif', extensions: ['gif'], matches: bytes => ['GIF87a', 'GIF89a'].includes(latin(bytes, 0, 6)) },
  { type: 'image/webp', extensions: ['webp'], matches: bytes => latin(bytes, 0, 4) === 'RIFF' && latin(bytes, 8, 12) === 'WEBP' },
  {
    type: 'image/avif',
    extensions: ['avif'],
    matches: bytes => latin(bytes, 4, 8) === 'ftyp' && ['avif', 'avis'].includes(latin(bytes, 8, 12)),
  },
  { type: 'image/vnd.microsoft.icon', extensions: ['ico'], matches: bytes => startsWith(bytes, 0, 0, 1, 0) && bytes.length > 6 },
  { type: 'image/svg+xml', extensions: ['svg'], matches: isSvg },
]

/** The media type that bytes show, or undefined for anything that is no picture. */
export const sniffedType = (bytes: Uint8Array): string | undefined => KINDS.find(kind => kind.matches(bytes))?.type

/** The media type that a name promises. */
export const namedType = (name: string): string | undefined => {
  const extension = /\.([a-z0-9]+)$/i.exec(name)?.[1]?.toLowerCase()
  return KINDS.find(kind => extension !== undefined && kind.extensions.includes(extension))?.type
}

/**
 * Why a file cannot have this name; undefined when it can. Letters, digits, `.`, `_`, `-` and folders; `%(theme)s` stands for light
 * or dark. Nothing that leaves the folder or hides in it.
 */
export function nameError(name: string): string | undefined {
  if (name.length > 255) return 'Ensure this field has no more than 255 characters.'
  const segments = name.replaceAll('%(theme)s', 'theme').split('/')
  if (segments.length > 8 || !segments.every(segment => /^[A-Za-z0-9_-][A-Za-z0-9._-]*$/.test(segment) && !segment.includes('..'))) {
    return 'File name may hold letters, digits, ".", "_", "-" and folders; it may not begin with a dot or leave its folder.'
  }
  return namedType(name) ? undefined : 'Files must be pictures: png, jpg, gif, webp, avif, ico or svg.'
}
