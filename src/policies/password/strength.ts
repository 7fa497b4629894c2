import { ZxcvbnFactory } from '@zxcvbn-ts/core'
import { adjacencyGraphs, dictionary as common } from '@zxcvbn-ts/language-common'
import { dictionary as english, translations } from '@zxcvbn-ts/language-en'

/** What lies behind is not looked at: guessing the beginning is hard enough, and judging takes longer than linear time. */
const LENGTH = 72

const estimator = new ZxcvbnFactory({ dictionary: { ...common, ...english }, graphs: adjacencyGraphs, translations })

/** How hard a password is to guess, from 0 to 4, for somebody who knows these words; and how it could be made better. */
export function strength(password: string, words: readonly string[]): { score: number; suggestions: string[] } {
  const { score, feedback } = estimator.check([...password].slice(0, LENGTH).join(''), [...words])
  return { score, suggestions: feedback.suggestions }
}
