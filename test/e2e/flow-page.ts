import type { BrowserContextOptions, Page } from 'playwright-core'
import { aContext, taken } from './browser.ts'
import type { Fixture } from './sign-in-fixture.ts'

/** The address of the scripted flow. */
export const FLOW = '/if/flow/sign-in/?next=%2Fif%2Fuser%2F'

export type Opened = { page: Page; complaints: string[]; requests: string[] }

/** Opens a page and collects what must not happen on it: violations of its policy and uncaught errors. */
export async function openPage(fixture: Fixture, path = FLOW, options: BrowserContextOptions = {}): Promise<Opened> {
  const page = await (await aContext(options)).newPage()
  const complaints: string[] = []
  const requests: string[] = []
  page.on('console', message => {
    if (/content security policy|trusted/i.test(message.text())) complaints.push(message.text())
  })
  page.on('pageerror', error => complaints.push(String(error)))
  page.on('request', request => requests.push(request.url()))
  await page.goto(fixture.origin + path)
  if (options.javaScriptEnabled !== false && path.startsWith('/if/flow/')) await taken(page)
  return { page, complaints, requests }
}

/** What the focused control is called. */
export const focused = (page: Page): Promise<string> =>
  page
    .locator(':focus')
    .evaluate(element => element.getAttribute('name') ?? element.getAttribute('aria-label') ?? element.textContent.trim())

/** Nothing is sent while an answer is awaited. */
export const atRest = (page: Page, field: string): Promise<void> => page.locator(`form:has([name="${field}"])[aria-busy=false]`).waitFor()

/** Pages move the focus with each step that they show. */
export const focusOn = (page: Page, field: string): Promise<void> => page.locator(`[name="${field}"]:focus`).waitFor()
