import type { Answer } from '../../http/direct.ts'
import type { OAuthError } from './errors.ts'

export type { Answer } from '../../http/direct.ts'

/** RFC 6749 §5.1: nobody may keep what carries tokens. */
const NO_STORE = { 'cache-control': 'no-store', pragma: 'no-cache' }

/** A JSON answer that must not be stored. */
export const json = (status: number, body: unknown, headers: Record<string, string> = {}): Answer => ({
  status,
  headers: { 'content-type': 'application/json', ...NO_STORE, ...headers },
  body: JSON.stringify(body),
})

/** Every page may read it. */
export const ANY_ORIGIN = { 'access-control-allow-origin': '*' }

/** RFC 6749 §5.2. `requestId` finds the request in the log. */
export const errorAnswer = (error: OAuthError, requestId: string): Answer =>
  json(error.status, { error: error.code, error_description: error.message, request_id: requestId }, { ...error.headers })

/** Sends the browser on. 303 after a POST, so that its body goes no further (RFC 9700 §4.12). */
export const redirectAnswer = (location: string, method: string, headers: Record<string, string> = {}): Answer => ({
  status: method === 'POST' ? 303 : 302,
  headers: { location, ...NO_STORE, ...headers },
  body: '',
})
