import { request } from 'node:http'
import { answerOf, type Answer, type Send } from '../harness.ts'

type Cookie = Answer['cookies'][number]

/** One Set-Cookie field, RFC 6265 §5.2, as far as a browser here has to know. */
function cookieOf(field: string): Cookie {
  const [pair = '', ...attributes] = field.split(';')
  const at = pair.indexOf('=')
  const cookie: Cookie = { name: pair.slice(0, at).trim(), value: decodeURIComponent(pair.slice(at + 1).trim()) }
  for (const attribute of attributes) {
    const [name = '', value = ''] = attribute.trim().split('=')
    if (/^expires$/i.test(name)) cookie.expires = new Date(value)
    if (/^max-age$/i.test(name)) cookie.maxAge = Number(value)
  }
  return cookie
}

/** Requests over a socket to a server on this machine; the Host field is what the request says, as behind a reverse proxy. */
export const overHttp =
  (port: number): Send =>
  ({ method, url, headers, payload }) =>
    new Promise((resolve, reject) => {
      const length = payload === undefined ? {} : { 'content-length': String(Buffer.byteLength(payload)) }
      const sent = request({ host: '127.0.0.1', port, method, path: url, headers: { ...headers, ...length }, setHost: false }, response => {
        let text = ''
        response
          .setEncoding('utf8')
          .on('data', (part: string) => (text += part))
          .on('end', () =>
            resolve(answerOf(response.statusCode ?? 0, response.headers, text, (response.headers['set-cookie'] ?? []).map(cookieOf))),
          )
          .on('error', reject)
      })
      sent.on('error', reject).end(payload)
    })
