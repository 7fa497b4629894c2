import type { AddressInfo } from 'node:net'
import { SMTPServer, type SMTPServerOptions } from 'smtp-server'

/** A mail as it came over the wire. */
export type Delivered = {
  from: string
  to: string[]
  raw: string
  headers: Record<string, string>
  user?: unknown
  secure: boolean
  text: string
  html: string
}

/** A real SMTP server on loopback that keeps what it is given. */
export async function mailServer(options: SMTPServerOptions = {}) {
  const mails: Delivered[] = []
  let refusals: { code: number; text: string }[] = []
  const waiting = new Set<() => void>()
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    onRcptTo(_address, _session, done) {
      const refusal = refusals.shift()
      done(refusal ? Object.assign(new Error(refusal.text), { responseCode: refusal.code }) : null)
    },
    onData(stream, session, done) {
      const chunks: Buffer[] = []
      stream.on('data', (chunk: Buffer) => void chunks.push(chunk))
      stream.on('end', () => {
        const raw = Buffer.concat(chunks).toString()
        const { mailFrom, rcptTo } = session.envelope
        mails.push({
          from: mailFrom ? mailFrom.address : '',
          to: rcptTo.map(({ address }) => address),
          raw,
          user: session.user,
          secure: session.secure,
          ...parsed(raw),
        })
        done()
        for (const look of waiting) look()
      })
    },
    ...options,
  })
  server.on('error', () => {}) // of single connections; the client sees them
  await new Promise<void>(resolve => void server.listen(0, '127.0.0.1', resolve))
  const { port } = server.server.address() as AddressInfo
  return {
    mails,
    port,
    env: { SIGNET_EMAIL__HOST: '127.0.0.1', SIGNET_EMAIL__PORT: String(port), SIGNET_EMAIL__FROM: 'no-reply@example.test' },
    /** Resolves when there are as many mails that `wanted` is true of: for programs whose work nobody can wait for otherwise. */
    arrived: (count: number, wanted: (mail: Delivered) => boolean = () => true) =>
      new Promise<Delivered[]>(resolve => {
        const look = () => {
          const found = mails.filter(wanted)
          if (found.length < count) return
          waiting.delete(look)
          resolve(found)
        }
        waiting.add(look)
        look()
      }),
    /** Refuses the next recipients. */
    refuse: (...next: { code: number; text: string }[]) => void (refusals = next),
    close: () => new Promise<void>(resolve => server.close(() => resolve())),
  }
}

const headersOf = (head: string): Record<string, string> =>
  Object.fromEntries(
    head
      .replaceAll(/\r\n[ \t]+/g, ' ')
      .split('\r\n')
      .map(line => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]),
  )

function decoded(body: string, encoding: string | undefined): string {
  if (encoding === 'base64') return Buffer.from(body, 'base64').toString()
  if (encoding !== 'quoted-printable') return body
  return Buffer.from(
    body.replaceAll('=\r\n', '').replaceAll(/=([\dA-F]{2})/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16))),
    'latin1',
  ).toString()
}

const split = (part: string): [string, string] => [part.slice(0, part.indexOf('\r\n\r\n')), part.slice(part.indexOf('\r\n\r\n') + 4)]

/** Head and alternatives of a mail. */
function parsed(raw: string): { headers: Record<string, string>; text: string; html: string } {
  const [head, body] = split(raw)
  const headers = headersOf(head)
  const boundary = /boundary="([^"]+)"/.exec(headers['content-type'] ?? '')?.[1]
  const parts =
    boundary === undefined
      ? [raw]
      : body
          .split(`--${boundary}`)
          .slice(1, -1)
          .map(part => part.replace(/^\r\n/, ''))
  const of = (type: string): string => {
    for (const part of parts) {
      const [inner, content] = split(part)
      const innerHeaders = headersOf(inner)
      if (innerHeaders['content-type']?.startsWith(type)) return decoded(content, innerHeaders['content-transfer-encoding'])
    }
    return ''
  }
  return { headers, text: of('text/plain'), html: of('text/html') }
}
