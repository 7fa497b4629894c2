import type { Ctx } from '../context.ts'
import { cookieOf } from '../http/cookie.ts'
import type { Web } from '../interfaces/assets.ts'
import { chooseLanguage, LANGUAGE_COOKIE } from '../interfaces/language.ts'
import { createNonce, PLAIN_BRAND, type PageContext } from '../interfaces/page.ts'
import { publicBrand } from './brand/model.ts'

/** What pages of ours need beside the request. */
export type Pages = { web: Web }

/** The language that somebody set for themselves. */
function ownLocale({ caller }: Ctx): string | undefined {
  const { settings } = (caller.user?.attributes ?? {}) as { settings?: { locale?: unknown } | null }
  return typeof settings?.locale === 'string' ? settings.locale : undefined
}

/** What every page says about the installation, in the language of whoever asks. */
export async function pageContext(ctx: Ctx, pages: Pages): Promise<PageContext> {
  const brand = await publicBrand(ctx)
  return { ...plainContext(ctx, pages, brand.default_locale), brand }
}

/** What a page can say without asking the database. */
export function plainContext(ctx: Ctx, { web }: Pages, fallback?: string): PageContext {
  const lang = chooseLanguage({
    query: new URLSearchParams(ctx.request?.query).get('locale') ?? undefined,
    cookie: cookieOf(ctx, LANGUAGE_COOKIE),
    own: ownLocale(ctx),
    accept: [ctx.request?.headers['accept-language']].flat()[0],
    brand: fallback,
  })
  return { web, brand: PLAIN_BRAND, lang, nonce: createNonce(ctx.randomBytes) }
}
