import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Fault } from './faults.ts'

/** Somebody who has an account there. Each upstream tells of it what its own answers have room for. */
export type Person = {
  /** What the upstream knows the account by; GitHub's are numbers. */
  id: string
  username: string
  name: string
  email?: string | null
  emailVerified?: boolean
  picture?: string
  locale?: string
  groups?: string[]
  /** Claims beside the usual ones, where the upstream speaks OpenID. */
  claims?: Record<string, unknown>
}

/** A request that the upstream got. Bodies are kept where the upstream reads them itself: a form as its fields. */
export type Asked = { method: string; path: string; query: URLSearchParams; headers: IncomingHttpHeaders; form?: URLSearchParams }

export type Registration = { client_id: string; client_secret: string; redirect_uris: string[] }

export type Upstream = {
  /** Where it listens, without a slash at the end. */
  origin: string
  /** Addresses of the real one that this one stands for: see `reroute`. */
  serves: readonly string[]
  people: Person[]
  /** Whom it signs in without asking; undefined shows a page that asks who is there. */
  signsIn?: string | undefined
  /** Everything that it was asked, in order. */
  asked: Asked[]
  /** By path: what goes wrong there. */
  faults: Map<string, Fault>
  /** Takes in an application; returns what it is given. */
  register: (redirect: string) => Registration
  close: () => Promise<void>
}

/** How an upstream answers; rejections and unknown paths become 500 and 404. */
export type Handler = (asked: Asked, request: IncomingMessage, response: ServerResponse) => Promise<void> | void

/** An HTTP server on loopback. It listens before anybody says how it answers, since some need to know their address for that. */
export async function listen(): Promise<Pick<Upstream, 'origin' | 'asked' | 'faults' | 'close'> & { serve: (handler: Handler) => void }> {
  const asked: Asked[] = []
  const faults = new Map<string, Fault>()
  let handler: Handler = (_asked, _request, response) => void response.writeHead(503).end()
  const server = createServer((request, response) => {
    const { pathname: path, searchParams: query } = new URL(request.url!, 'http://here')
    const one: Asked = { method: request.method!, path, query, headers: request.headers }
    asked.push(one)
    const answer = () => {
      void (async () => handler(one, request, response))().catch((error: unknown) => {
        if (!response.headersSent) response.writeHead(500, { 'content-type': 'text/plain' })
        response.end(String(error))
      })
    }
    const fault = faults.get(path)
    if (fault) fault(response, answer)
    else answer()
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    faults,
    serve: next => void (handler = next),
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

/** Reads a form that was posted. */
export async function readForm(request: IncomingMessage): Promise<URLSearchParams> {
  const chunks: Uint8Array[] = []
  for await (const chunk of request as AsyncIterable<Uint8Array>) chunks.push(chunk)
  return new URLSearchParams(Buffer.concat(chunks).toString())
}

const escaped = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;')

/** The page that asks who is there: a link for each person, and one for going back. */
export function askWho(response: ServerResponse, name: string, people: readonly Person[], link: (id: string | undefined) => string): void {
  const choices = people.map(person => `<li><a href="${escaped(link(person.id))}">${escaped(person.name)}</a></li>`)
  response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(
    `<!doctype html><link rel="icon" href="data:,"><title>${name}</title><h1>${name}</h1><ul>${choices.join('')}</ul>
    <p><a href="${escaped(link(undefined))}">Cancel</a></p>`,
  )
}
