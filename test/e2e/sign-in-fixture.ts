import formbody from '@fastify/formbody'
import Fastify, { type FastifyInstance } from 'fastify'
import { randomBytes } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { openWeb, serveAssets, type Web } from '../../src/interfaces/assets.ts'
import { renderNotFound } from '../../src/interfaces/errors.ts'
import { CSRF_FIELD, formFields, parseFlowForm, renderFlowPage, type Answer, type Challenge } from '../../src/interfaces/flow.ts'
import { ASKINGS } from './challenges.ts'
import { chooseLanguage } from '../../src/interfaces/language.ts'
import { createNonce, type Brand, type Page, type PageContext } from '../../src/interfaces/page.ts'

/** What the scripted executor says to an answer; an HTTP status instead of a challenge fails the request. */
export type Script = (answer: Answer, current: Challenge) => Challenge | number

/** A real HTTP server with the real pages, where only the executor is scripted. `origin` is its address on loopback. */
export interface Fixture {
  origin: string
  web: Web
  /** Every answer the executor was given, in order. */
  answers: Answer[]
  /** Sets the current challenge and what answers lead to. */
  play: (challenge: Challenge, script?: Script) => void
  /** Adds a page of its own at `path`. */
  show: (path: string, render: (context: PageContext) => Page) => void
  /** Bodies posted to `/elsewhere`, another site's part. */
  received: Record<string, unknown>[]
  brand: Brand
  close: () => Promise<void>
}

export const defaultBrand: Brand = {
  branding_title: 'Example Home',
  branding_logo: '/static/dist/assets/icons/icon_left_brand.svg',
  branding_favicon: '/static/dist/assets/icons/icon.png',
  branding_custom_css: '',
  ui_footer_links: [],
  ui_theme: 'automatic',
}

const CSRF = 'a-csrf-token'

export async function startFixture(): Promise<Fixture> {
  const web = await openWeb(fileURLToPath(new URL('../../dist/web/', import.meta.url)))
  const app = Fastify()
  const pages = new Map<string, (context: PageContext) => Page>()
  let current: Challenge = { component: 'ak-stage-dummy', name: 'nothing' }
  let next: Script = () => 500
  const fixture: Fixture = {
    origin: '',
    web,
    answers: [],
    received: [],
    brand: { ...defaultBrand },
    play(challenge, script = () => 500) {
      current = challenge
      next = script
      fixture.answers.length = 0
    },
    show: (path, render) => void pages.set(path, render),
    close: () => app.close(),
  }
  await app.register(formbody)
  await serveAssets(app, { web })

  const contextFor = (request: { url: string; headers: { 'accept-language'?: string } }): PageContext => ({
    web,
    brand: fixture.brand,
    lang: chooseLanguage({
      query: new URLSearchParams(request.url.split('?')[1]).get('locale') ?? undefined,
      accept: request.headers['accept-language'],
    }),
    nonce: createNonce(randomBytes),
  })
  const step = (answer: Answer): Challenge | number => {
    fixture.answers.push(answer)
    const outcome = next(answer, current)
    if (typeof outcome !== 'number') current = outcome
    return outcome
  }

  flowRoutes(app, {
    contextFor,
    step,
    current: () => current,
  })
  // As many clients do after their callback: they live at yet another origin.
  app.post('/elsewhere', (request, reply) => {
    fixture.received.push(request.body as Record<string, unknown>)
    return reply.redirect(`http://home.localhost:${request.port}/arrived`, 303)
  })
  app.get('/arrived', (_, reply) => reply.header('content-type', 'text/html').send('<title>Arrived</title><h1>Arrived</h1>'))
  app.setNotFoundHandler((request, reply) => {
    const render = pages.get(request.url.split('?')[0]!) ?? renderNotFound
    const page = render(contextFor(request))
    return reply.code(page.status).headers(page.headers).send(page.body)
  })
  fixture.origin = await app.listen({ host: '127.0.0.1', port: 0 })
  return fixture
}

interface Routes {
  contextFor: (request: { url: string; headers: { 'accept-language'?: string } }) => PageContext
  step: (answer: Answer) => Challenge | number
  current: () => Challenge
}

/** The page of the flow, by script and without, as the server mounts it. */
function flowRoutes(app: FastifyInstance, { contextFor, step, current }: Routes): void {
  const executor = '/api/v3/flows/executor/sign-in/'
  const query = (url: string) => url.split('?')[1] ?? ''
  app.get('/if/flow/sign-in/', (request, reply) => {
    const page = renderFlowPage({
      ...contextFor(request),
      executor,
      query: query(request.url),
      challenge: current(),
      asking: ASKINGS[String(current().token)],
      csrf: CSRF,
    })
    return reply
      .code(page.status)
      .headers({ ...page.headers, 'set-cookie': `authentik_csrf=${CSRF}; Path=/` })
      .send(page.body)
  })
  app.post<{ Body: Record<string, unknown> }>('/if/flow/sign-in/', (request, reply) => {
    if (request.body[CSRF_FIELD] !== CSRF) return reply.code(403).send('CSRF')
    const outcome = step(parseFlowForm(request.body, current()))
    if (typeof outcome === 'number') return reply.code(outcome).send()
    if (!outcome.response_errors) return reply.redirect(request.url, 303)
    const posted = formFields(request.body)
    const page = renderFlowPage({ ...contextFor(request), executor, query: query(request.url), challenge: outcome, csrf: CSRF, posted })
    return reply.code(page.status).headers(page.headers).send(page.body)
  })
  app.get(executor, () => current())
  app.post<{ Body: Answer }>(executor, (request, reply) => {
    if (request.headers['x-authentik-csrf'] !== CSRF) return reply.code(403).send({ detail: 'CSRF Failed' })
    const outcome = step(request.body)
    if (typeof outcome === 'number') return reply.code(outcome).send({ detail: 'no' })
    // As the real one does: the next challenge is fetched by a redirect to the very same address.
    return outcome.response_errors ? outcome : reply.redirect(request.url, 302)
  })
}
