import type { Ctx } from '../context.ts'
import { isUnavailable } from '../db/fault.ts'
import { renderServerError, renderUnavailable } from '../interfaces/errors.ts'
import type { Page } from '../interfaces/page.ts'
import { pageContext, plainContext, type Pages } from './page-context.ts'

/** The page for what nobody caught; its cause stays in the log. It is plain where the database cannot even say how the installation looks. */
export async function faultPage(ctx: Ctx, pages: Pages, error: unknown): Promise<Page> {
  const { statusCode } = error as { statusCode?: number }
  const requestId = ctx.request?.id ?? ''
  const looks = () => pageContext(ctx, pages).catch(() => plainContext(ctx, pages)) // what failed is told by its own line
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500)
    return { ...renderServerError(await looks(), { requestId }), status: statusCode }
  const away = isUnavailable(error)
  ctx.log.error({ err: error, path: ctx.request?.path, request_id: requestId }, away ? 'the database is not available' : 'unhandled error')
  return away ? renderUnavailable(plainContext(ctx, pages), { requestId }) : renderServerError(await looks(), { requestId })
}
