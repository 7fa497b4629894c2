import { isLanguage, type Language } from '../../web/flow/languages.ts'

export type { Language }

/** Holds the language that somebody chose on a page. */
export const LANGUAGE_COOKIE = 'authentik_language'

/** Where a wish for a language may stand; each as it was sent, or absent. */
export interface LanguageWishes {
  /** `locale` of the query. */
  query?: string
  /** Cookie `authentik_language`. */
  cookie?: string
  /** `settings.locale` of whoever is signed in. */
  own?: string
  /** Header Accept-Language. */
  accept?: string
  /** The brand's `default_locale`. */
  brand?: string
}

/** The language to answer in: the first wish that we speak, in the order of `LanguageWishes`, else English. */
export const chooseLanguage = ({ query, cookie, own, accept, brand }: LanguageWishes): Language =>
  [query, cookie, own, ...preferred(accept ?? ''), brand].map(spoken).find(language => language !== undefined) ?? 'en'

/** `de-AT`, `de_AT` and `DE` all mean `de` here. */
function spoken(tag: string | undefined): Language | undefined {
  const primary = tag?.trim().split(/[-_]/)[0]!.toLowerCase()
  return primary !== undefined && isLanguage(primary) ? primary : undefined
}

/** The tags of an Accept-Language header, the most wanted first (RFC 9110 §12.5.4). */
const preferred = (header: string): string[] =>
  header
    .slice(0, 1000)
    .split(',')
    .map(range => {
      const [tag = '', ...parameters] = range.split(';')
      const q = parameters.map(parameter => /^\s*q\s*=\s*([\d.]+)/i.exec(parameter)?.[1]).find(value => value !== undefined)
      return { tag: tag.trim(), weight: q === undefined ? 1 : Number(q) }
    })
    .filter(({ weight }) => weight > 0)
    .sort((a, b) => b.weight - a.weight)
    .map(({ tag }) => tag)

/** The first language of a client's `ui_locales` (OIDC Core §3.1.2.1: tags, blanks between them) that we speak. */
export const languageOfTags = (tags: string | undefined): Language | undefined =>
  tags
    ?.slice(0, 1000)
    .split(' ')
    .map(spoken)
    .find(language => language !== undefined)
