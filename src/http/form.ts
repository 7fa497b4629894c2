import type { IncomingMessage } from 'node:http'

const FORM = 'application/x-www-form-urlencoded'

/**
 * Pieces of a body that are kept apart. Each costs some 200 bytes beside its own, so that strangers who send one byte after the other would fill the
 * memory with 13 MB for each 64 KB; joined for every so many, a body is copied far less than as often as it has pieces.
 */
const MOST_PIECES = 64

/** A body that is not read; the status says why. */
export class BodyRefused extends Error {
  readonly statusCode: 413 | 415
  constructor(statusCode: 413 | 415) {
    super(statusCode === 413 ? 'the body is too large' : 'the body is no form')
    this.name = 'BodyRefused'
    this.statusCode = statusCode
  }
}

/** The client went away while it was sending. */
export class BodyAborted extends Error {}

/**
 * The text of a form that a request brings, not yet taken apart; empty when it brings no body.
 * @param limit bytes
 * @throws BodyRefused, BodyAborted
 */
export function readForm(request: IncomingMessage, limit: number): Promise<string> {
  const { headers } = request
  const type = headers['content-type']
  const length = headers['content-length']
  if (type === undefined && headers['transfer-encoding'] === undefined && (length === undefined || length === '0'))
    return Promise.resolve('')
  if (!isForm(type)) return Promise.reject(new BodyRefused(415))
  if (Number(length) > limit) return Promise.reject(new BodyRefused(413))
  return new Promise((resolve, reject) => {
    let chunks: Buffer[] = []
    let length = 0
    const collect = (chunk: Buffer) => {
      if (chunks.length >= MOST_PIECES) chunks = [Buffer.concat(chunks)]
      chunks.push(chunk)
      length += chunk.length
      if (length <= limit) return
      request.off('data', collect)
      reject(new BodyRefused(413))
    }
    request.on('data', collect)
    // Joined and decoded at the end: no character is torn between chunks.
    request.on('end', () => resolve((chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks, length)).toString()))
    request.on('error', () => reject(new BodyAborted()))
  })
}

function isForm(type = ''): boolean {
  if (type === FORM) return true
  const [name = ''] = type.split(';', 1)
  return name.trim().toLowerCase() === FORM
}
