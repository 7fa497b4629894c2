import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import { fileURLToPath } from 'node:url'
import type { Logger } from 'pino'
import type { Config } from '../config.ts'

const RETRY_AFTER = '5' // seconds

/** Answers all requests while the program starts: 503, in the form that the client can read. */
export const startingResponder =
  ({
    config,
    log,
    randomBytes,
  }: {
    config: Pick<Config, 'web'>
    log: Logger
    randomBytes: (count: number) => Uint8Array
  }): RequestListener =>
  (request, response) => {
    const accept = request.headers.accept ?? ''
    const plain = () => send(response, 'text/plain; charset=utf-8', 'authentik starting')
    if (/\bapplication\/json\b/.test(accept)) send(response, 'application/json', JSON.stringify({ error: 'authentik starting' }))
    else if (!/\btext\/html\b/.test(accept)) plain()
    else
      splash(config.web.path, request, randomBytes).then(
        ({ headers, body }) => void response.writeHead(503, { ...headers, 'retry-after': RETRY_AFTER }).end(body),
        (error: unknown) => {
          log.warn({ err: error }, 'the page for starting cannot be shown')
          plain()
        },
      )
  }

const send = (response: ServerResponse, type: string, text: string) =>
  void response.writeHead(503, { 'content-type': type, 'retry-after': RETRY_AFTER, 'cache-control': 'no-store' }).end(text)

/** Loaded when the first browser asks: most starts are over before that. */
async function splash(base: string, request: IncomingMessage, randomBytes: (count: number) => Uint8Array) {
  const [{ openWeb }, { renderStarting }, { createNonce, PLAIN_BRAND }, { chooseLanguage }] = await Promise.all([
    import('../interfaces/assets.ts'),
    import('../interfaces/errors.ts'),
    import('../interfaces/page.ts'),
    import('../interfaces/language.ts'),
  ])
  const web = await openWeb(fileURLToPath(new URL('../../dist/web/', import.meta.url)), base)
  return renderStarting({
    web,
    // What the installation looks like is in the database, which is not open yet.
    brand: PLAIN_BRAND,
    lang: chooseLanguage({ accept: request.headers['accept-language'] }),
    nonce: createNonce(randomBytes),
  })
}
