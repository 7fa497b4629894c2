import { renderToString } from 'preact-render-to-string'
import { App } from './app.tsx'
import type { FlowData } from './challenge.ts'
import type { Language } from './languages.ts'
import bg from './locales/bg.ts'
import de from './locales/de.ts'
import en, { type Texts } from './locales/en.ts'
import es from './locales/es.ts'
import fr from './locales/fr.ts'
import nl from './locales/nl.ts'
import { titleOf as titleIn, translator } from './translate.ts'
import { fetchAllViews } from './views.ts'

await fetchAllViews()

const TABLES: Record<Language, Texts> = { en, de, fr, es, nl, bg }

/** Renders a challenge with the views of the browser: the page works before, and without, its script. Returns HTML. */
export const renderFlow = (data: FlowData, language: Language): string =>
  renderToString(<App data={data} t={translator(TABLES[language])} />)

/** The title above a challenge, for the page's own. */
export const titleOf = (data: FlowData, language: Language): string =>
  titleIn(translator(TABLES[language]), data.challenge, data.brand, data.asking)
