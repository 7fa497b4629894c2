import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { fileURLToPath } from 'node:url'

const LIBRARY = fileURLToPath(import.meta.resolve('oidc-client-ts')).replace(/esm\/[^/]+$/, 'browser/oidc-client-ts.min.js')

/**
 * The pages, each with the library: the start page; `/callback` and `/popup`, which finish a sign-in in this window or for the one that opened
 * it; `/silent`, which does so inside a frame; `/bye`, after signing out.
 */
const PAGES: Record<string, string> = {
  '/': '',
  '/callback': 'manager.signinCallback().then(() => location.replace("/"), error => document.write(error))',
  '/popup': 'manager.signinPopupCallback()',
  '/silent': 'manager.signinSilentCallback()',
  '/bye': 'manager.signoutRedirectCallback().then(() => (document.title = "Goodbye"))',
}

export type SinglePageApp = {
  callback: string
  /** Pages that only a browser's own request comes back to. */
  redirects: string[]
  bye: string
  origin: string
  /** Settings of its `UserManager`; with `dpop`, the browser's own key is stored, and the code is bound to it. */
  configure: (settings: Record<string, unknown>) => void
  close: () => Promise<void>
}

/** An application that is pages alone, and signs people in by oidc-client-ts; `host` decides on which site it is. */
export async function aSinglePageApp(host: 'localhost' | '127.0.0.1'): Promise<SinglePageApp> {
  const library = readFileSync(LIBRARY)
  let settings: Record<string, unknown> = {}
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url!, app.origin)
    if (pathname === '/library.js') return void response.writeHead(200, { 'content-type': 'text/javascript' }).end(library)
    const script = PAGES[pathname]
    if (script === undefined) return void response.writeHead(404).end()
    const stores = [
      'userStore: new oidc.WebStorageStateStore({ store: localStorage })',
      ...(settings.dpop ? ['dpop: { store: new oidc.IndexedDbDPoPStore(), bind_authorization_code: true }'] : []),
    ]
    response.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(`<!doctype html>
      <link rel="icon" href="data:," /><title>App</title><h1>App</h1><script src="/library.js"></script>
      <script>const manager = new oidc.UserManager({ ...${JSON.stringify(settings)}, ${stores.join(', ')} }); ${script}</script>`)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const origin = `http://${host}:${(server.address() as AddressInfo).port}`
  const app: SinglePageApp = {
    origin,
    callback: `${origin}/callback`,
    redirects: ['callback', 'popup', 'silent'].map(page => `${origin}/${page}`),
    bye: `${origin}/bye`,
    configure(more) {
      settings = {
        redirect_uri: `${origin}/callback`,
        popup_redirect_uri: `${origin}/popup`,
        silent_redirect_uri: `${origin}/silent`,
        post_logout_redirect_uri: `${origin}/bye`,
        silentRequestTimeoutInSeconds: 120, // ten unless told otherwise, which a busy machine may need
        ...more,
      }
    },
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
  return app
}
