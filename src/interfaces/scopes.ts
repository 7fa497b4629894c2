import type { Language } from '../../web/flow/languages.ts'
import bg from '../../web/flow/locales/bg.ts'
import de from '../../web/flow/locales/de.ts'
import en, { type Texts } from '../../web/flow/locales/en.ts'
import es from '../../web/flow/locales/es.ts'
import fr from '../../web/flow/locales/fr.ts'
import nl from '../../web/flow/locales/nl.ts'
import { stockScope } from '../../web/flow/scopes.ts'

const TABLES: Record<Language, Texts> = { en, de, fr, es, nl, bg }

/** The sentences of the sign-in page, for pages that call things by the same names. */
export const flowTexts = (lang: Language): Texts => TABLES[lang]

/** What a scope means, as the consent page said it: `name` is its description. Empty for one that is not meant to be shown. */
export function sayScope(scope: { id: string; name: string }, lang: Language): string {
  const [, text] = stockScope(scope) ?? []
  return text === undefined ? scope.name : TABLES[lang][text]
}
