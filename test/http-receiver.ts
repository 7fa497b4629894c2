import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'

export type Received = { method: string; path: string; query: URLSearchParams; headers: IncomingHttpHeaders; body: string }
export type Reply = { status?: number; json?: unknown; headers?: Record<string, string> }

/** A real HTTP server on loopback, for services that we call. It keeps what it is sent. */
export async function receiver(answer: (request: Received) => Reply | Promise<Reply>) {
  const received: Received[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => void chunks.push(chunk))
    request.on('end', () => {
      const { pathname: path, searchParams: query } = new URL(request.url!, 'http://here')
      const seen = { method: request.method!, path, query, headers: request.headers, body: Buffer.concat(chunks).toString() }
      received.push(seen)
      void Promise.resolve(answer(seen)).then(({ status = 200, json = {}, headers = {} }) => {
        response.writeHead(status, { 'content-type': 'application/json', ...headers })
        response.end(JSON.stringify(json))
      })
    })
  })
  await new Promise<void>(resolve => void server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    received,
    origin: `http://127.0.0.1:${port}`,
    close: () => new Promise<void>(resolve => void server.close(() => resolve())),
  }
}

/** Credentials of HTTP Basic. */
export const basicOf = ({ headers }: Pick<Received, 'headers'>): string[] =>
  Buffer.from(String(headers.authorization).replace(/^Basic /, ''), 'base64')
    .toString()
    .split(':')
