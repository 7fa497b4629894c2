import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { cached } from '../../core/cache.ts'
import { renderCaptchaFrame } from '../../interfaces/captcha-frame.ts'
import { renderNotFound } from '../../interfaces/errors.ts'
import type { Page, PageContext } from '../../interfaces/page.ts'
import { isOwn } from './proof-of-work.ts'

/** Scripts and keys of the widgets that stages show. */
const widgets = cached(['stage_captcha'], async ctx => {
  const rows = await ctx.db.selectFrom('stage_captcha').select(['public_key', 'js_url', 'api_url']).execute()
  return rows.filter(row => !isOwn(row.api_url))
})

type Query = Partial<Record<'js_url' | 'site_key' | 'interactive' | 'theme', string>>

/**
 * `/if/captcha/?js_url=…&site_key=…&interactive=true&theme=dark`: a provider's widget by itself, for the frame in a flow's page. Only for
 * scripts and keys that a stage has: nobody else's script gets a page of ours.
 */
export function captchaFrame(
  app: FastifyInstance,
  { page, send }: { page: (request: FastifyRequest) => Promise<PageContext>; send: (reply: FastifyReply, page: Page) => FastifyReply },
): void {
  app.get<{ Querystring: Query }>('/if/captcha/', async (request, reply) => {
    const { js_url, site_key, interactive, theme } = request.query
    const known = (await widgets(request.ctx)).find(widget => widget.js_url === js_url && widget.public_key === site_key)
    const context = await page(request)
    if (!known) return send(reply, renderNotFound(context))
    const widget = { interactive: interactive === 'true', theme: theme === 'dark' ? ('dark' as const) : ('light' as const) }
    return send(reply, renderCaptchaFrame(context, { js_url: known.js_url, site_key: known.public_key, ...widget }))
  })
}
