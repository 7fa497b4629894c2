import type { ServerResponse } from 'node:http'

/** What goes wrong with an answer; `answer` gives the right one after all. */
export type Fault = (response: ServerResponse, answer: () => void) => void

/** Says nothing, for as long as anybody waits. */
export const silent: Fault = () => {}

/** Hangs up without a word. */
export const broken: Fault = response => void response.destroy()

/** Another status and body. Bodies that are no text are sent as JSON. */
export function says(status: number, body: unknown = {}, headers: Record<string, string> = {}): Fault {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  return response => void response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(text)
}

export const redirects = (to: string, status = 302): Fault => says(status, '', { location: to })

/** JSON that goes on for as long as somebody reads it. */
export const endless: Fault = response => {
  response.writeHead(200, { 'content-type': 'application/json' }).write('{"filler":"')
  const chunk = 'x'.repeat(64 * 1024)
  const more = () => {
    while (!response.destroyed && response.write(chunk));
  }
  response.on('drain', more)
  more()
}

/** Begins an answer of the length it announces, and never ends it. */
export const stalled: Fault = response =>
  void response.writeHead(200, { 'content-type': 'application/json', 'content-length': '2000' }).write('{"begun":')

/** The right answer, with its JSON changed on the way. */
export function rewrites(change: (json: any) => unknown): Fault {
  return (response, answer) => {
    const end = response.end.bind(response) as (text: string) => void
    response.end = ((chunk: string | Uint8Array) => {
      void Promise.resolve(change(JSON.parse(Buffer.from(chunk as Uint8Array).toString()))).then(json => {
        const text = JSON.stringify(json)
        response.setHeader('content-length', Buffer.byteLength(text))
        end(text)
      })
      return response
    }) as typeof response.end
    answer()
  }
}
