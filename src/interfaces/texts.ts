import type { Language } from '../../web/flow/languages.ts'
import bg from './locales/bg.ts'
import de from './locales/de.ts'
import en, { type ServerTexts } from './locales/en.ts'
import es from './locales/es.ts'
import fr from './locales/fr.ts'
import nl from './locales/nl.ts'

const TABLES: Record<Language, ServerTexts> = { en, de, fr, es, nl, bg }

/** The sentences of the pages that the server renders alone. Those of flows are in the web workspace. */
export const serverTexts = (language: Language): ServerTexts => TABLES[language]
