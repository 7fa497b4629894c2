import type { IncomingMessage } from 'node:http'
import { BodyRefused, readBody } from './body.ts'

export const FORM = 'application/x-www-form-urlencoded'

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
  if (!isForm(type)) return Promise.reject(new BodyRefused(415, 'the body is no form'))
  return readBody(request, limit)
}

function isForm(type = ''): boolean {
  if (type === FORM) return true
  const [name = ''] = type.split(';', 1)
  return name.trim().toLowerCase() === FORM
}
