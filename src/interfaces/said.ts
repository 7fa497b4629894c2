import type { Language } from '../../web/flow/languages.ts'
import en, { type ServerTexts } from './locales/en.ts'
import { serverTexts } from './texts.ts'

/** Sentences that the server writes in English, wherever they come from, and that pages say in the reader's language. */
const SAID: readonly (keyof ServerTexts)[] = [
  'sources_state',
  'sources_token',
  'sources_profile',
  'sources_id',
  'sources_nothing',
  'sources_denied',
  'sources_taken',
  'sources_no_enrollment',
  'sources_no_flow',
  'client_error',
  'client_error_why',
  'redirect_error',
  'redirect_error_why',
  'request_error',
  'request_over',
  'request_over_why',
  'no_application',
]

const PATTERNS = SAID.map(key => [new RegExp(`^${RegExp.escape(en[key]).replace(RegExp.escape('{name}'), '(.+)')}$`, 's'), key] as const)
const FAILED = en.sources_failed.replace('{reason}', '')

/** A sentence in a reader's language; what others or administrators wrote stays as it is. */
export function sayServerText(text: string, lang: Language): string {
  const t = serverTexts(lang)
  if (text.startsWith(FAILED)) return t.sources_failed.replace('{reason}', () => sayServerText(text.slice(FAILED.length), lang))
  for (const [pattern, key] of PATTERNS) {
    const found = pattern.exec(text)
    if (found) return t[key].replace('{name}', () => found[1] ?? '')
  }
  return text
}
