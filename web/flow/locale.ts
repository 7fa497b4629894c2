import type { Texts } from './locales/en.ts'
import { isLanguage, type Language } from './languages.ts'

const LOADERS: Record<Language, () => Promise<{ default: Texts }>> = {
  en: () => import('./locales/en.ts'),
  de: () => import('./locales/de.ts'),
  fr: () => import('./locales/fr.ts'),
  es: () => import('./locales/es.ts'),
  nl: () => import('./locales/nl.ts'),
  bg: () => import('./locales/bg.ts'),
}

/** The table of a language. Rejects when it cannot be fetched: the page as the server made it says it all, and works. */
export const loadTexts = async (code: string): Promise<Texts> => (await LOADERS[isLanguage(code) ? code : 'en']()).default
