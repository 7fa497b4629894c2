import en, { type Texts } from './locales/en.ts'
import { isLanguage, type Language } from './languages.ts'

const LOADERS: Record<Exclude<Language, 'en'>, () => Promise<{ default: Texts }>> = {
  de: () => import('./locales/de.ts'),
  fr: () => import('./locales/fr.ts'),
  es: () => import('./locales/es.ts'),
  nl: () => import('./locales/nl.ts'),
  bg: () => import('./locales/bg.ts'),
}

/** The table of a language; English needs no request, and stands in when another cannot be loaded. */
export async function loadTexts(code: string): Promise<Texts> {
  if (!isLanguage(code) || code === 'en') return en
  try {
    return (await LOADERS[code]()).default
  } catch {
    return en // offline or a new release: a form in English is better than none
  }
}
