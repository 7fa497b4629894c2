import type { Ctx } from '../context.ts'
import { systemSettings } from '../core/settings.ts'
import { invalidPage } from './errors.ts'
import type { Query, Row } from './model.ts'

/** One page of a list, as it goes over the wire. */
export type Page = {
  pagination: {
    next: number
    previous: number
    count: number
    current: number
    total_pages: number
    start_index: number
    end_index: number
  }
  results: Row[]
  autocomplete: Record<string, never>
}

/** `page` and `page_size` of a query, within the operator's limits. */
async function paging(ctx: Ctx, query: Query): Promise<{ page: number | 'last'; size: number }> {
  const settings = await systemSettings(ctx)
  const size = Number([query.page_size].flat()[0])
  const page = [query.page].flat()[0] ?? '1'
  if (page !== 'last' && !/^\d{1,9}$/.test(page)) throw invalidPage()
  return {
    page: page === 'last' ? 'last' : Number(page),
    size: Number.isInteger(size) && size > 0 ? Math.min(size, settings.pagination_max_page_size) : settings.pagination_default_page_size,
  }
}

/** The wire's page of `count` objects; `load` fetches those of the page. */
export async function paginated(
  ctx: Ctx,
  query: Query,
  count: number,
  load: (limit: number, offset: number) => Promise<Row[]>,
): Promise<Page> {
  const { page, size } = await paging(ctx, query)
  const total = Math.max(1, Math.ceil(count / size))
  const current = page === 'last' ? total : page
  if (current < 1 || current > total) throw invalidPage()
  const offset = (current - 1) * size
  const results = await load(size, offset)
  return {
    pagination: {
      next: current < total ? current + 1 : 0,
      previous: current > 1 ? current - 1 : 0,
      count,
      current,
      total_pages: total,
      start_index: count === 0 ? 0 : offset + 1,
      end_index: Math.min(offset + size, count),
    },
    results,
    autocomplete: {},
  }
}
