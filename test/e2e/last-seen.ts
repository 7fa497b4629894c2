import type { BrowserContext, Page } from 'playwright-core'

/** What a browser showed and did when a test failed: on a machine that nobody can look at afterwards, that is all there is to go by. */

/** Requests, answers and messages that are kept. */
const KEPT = 30
const LONGEST_TEXT = 1_500 // characters of a page
const LONGEST_LINE = 200
const WITHIN = 5_000 // ms, for a page that hangs

/** The last things that happen in a browser, as lines with their seconds; grows, and forgets the first ones, while the browser is open. */
export function historyOf(context: BrowserContext): string[] {
  const history: string[] = []
  const began = performance.now()
  const keep = (line: string) => {
    history.push(`${((performance.now() - began) / 1000).toFixed(2)} s  ${line}`.slice(0, LONGEST_LINE))
    if (history.length > KEPT) history.shift()
  }
  context.on('request', request => keep(`→ ${request.method()} ${request.url()}`))
  context.on('response', response => keep(`← ${response.status()} ${response.url()}`))
  context.on('requestfailed', request => keep(`✗ ${request.url()} ${request.failure()?.errorText ?? ''}`))
  context.on('console', message => keep(`${message.type()}: ${message.text()}`))
  context.on('weberror', error => keep(String(error.error())))
  return history
}

/** All of it in words: each open page with its address, where its focus is and what can be read on it, and the history. */
export async function describeContext(test: string, context: BrowserContext, history: readonly string[]): Promise<string> {
  const pages = await Promise.all(context.pages().map(describePage))
  return [`The browser when “${test}” failed:`, ...pages, ...history].join('\n').replaceAll(/^/gm, '    ')
}

async function describePage(page: Page): Promise<string> {
  // Looks at the document alone: the clock of the page may be stopped.
  const read = page.evaluate(`[
    document.readyState + ', script ' + (document.documentElement.dataset.script ?? 'off'),
    'focus on ' + (document.activeElement?.getAttribute('name') ?? document.activeElement?.tagName ?? 'nothing'),
    document.body.innerText.replace(/\\s*\\n\\s*/g, '\\n').slice(0, ${LONGEST_TEXT}),
  ].join('\\n')`)
  const { promise: late, resolve } = Promise.withResolvers<string>()
  const timer = setTimeout(() => resolve('(it does not answer)'), WITHIN)
  const seen = await Promise.race([read, late]).catch(String)
  clearTimeout(timer)
  return `${page.url()} ${String(seen)}`
}
