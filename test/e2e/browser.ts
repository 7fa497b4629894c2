import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { after, afterEach } from 'node:test'
import { chromium, type Browser, type BrowserContext, type BrowserContextOptions, type Page } from 'playwright-core'
import { describeContext, historyOf } from './last-seen.ts'
import { withPalette } from './palette-png.ts'
import { installationOnPostgres } from '../postgres.ts'
import { mailServer } from '../smtp.ts'
import { aDataFolder, BOOTSTRAP, start, type Program } from './program.ts'

/** One browser and one installation for all test files of a process: each costs seconds. */

/** The first that is there; the shell is Chromium without its windows, and opens a page in a quarter of the time. */
const EXECUTABLE = [process.env.CHROMIUM, '/usr/bin/chromium-headless-shell', '/usr/bin/chromium'].find(path => path && existsSync(path))

const ARGS = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync',
] // prettier-ignore

// Not how long a page or the browser itself may take: after so long it is believed to hang, on a slow machine too.
const PATIENCE = 90_000 // ms

let browser: Promise<Browser> | undefined
let installation: Promise<Program> | undefined
let mail: ReturnType<typeof mailServer> | undefined
const cleanups: (() => unknown)[] = []
// At the top of the module: inside a test the hook would end with that test, and take what is shared along.
after(async () => {
  for (const cleanup of cleanups.reverse()) await cleanup()
})

/** Each with its history. */
const contexts = new Map<BrowserContext, string[]>()
afterEach(async test => {
  const opened = [...contexts]
  contexts.clear()
  if ('passed' in test && !test.passed)
    for (const [context, history] of opened) console.log(await describeContext(test.name, context, history))
  await Promise.all(opened.map(([context]) => context.close()))
})

/** Ends with the process of the tests. */
export const atTheEnd = (cleanup: () => unknown): void => void cleanups.push(cleanup)

/** The browser that tests share: contexts keep them apart. */
export const theBrowser = (): Promise<Browser> =>
  (browser ??= (async () => {
    const launched = await chromium.launch({ executablePath: EXECUTABLE, args: ARGS, timeout: PATIENCE })
    atTheEnd(() => launched.close())
    return launched
  })())

/** What the shared installation mails, to whomever. */
export const theMail = (): ReturnType<typeof mailServer> =>
  (mail ??= mailServer().then(server => {
    atTheEnd(server.close)
    return server
  }))

/** The installation that tests share: it may call servers of this machine, and sends mail. They leave its default flows as they are. */
export const theProgram = (): Promise<Program> =>
  (installation ??= theMail().then(({ env }) => anInstallation({ ...BOOTSTRAP, ...env, SIGNET_OUTGOING_ALLOW: '127.0.0.0/8' })))

/** An installation of one's own on the database that the process tests, gone when the tests are through. */
export async function anInstallation(env: Record<string, string> = BOOTSTRAP): Promise<Program> {
  const { folder, remove } = aDataFolder()
  atTheEnd(remove)
  const stored = process.env.SIGNET_TEST_ENGINE === 'postgres' ? await installationOnPostgres() : undefined
  if (stored) atTheEnd(stored.stop)
  const program = await start({ data: folder, env: { ...env, ...stored?.env } })
  atTheEnd(() => program.stop('SIGKILL'))
  return program
}

export type Visit = {
  page: Page
  context: BrowserContext
  /** What must not happen on a page: violations of its policy, errors in the console, scripts that fail, files that are missing. */
  complaints: string[]
}

/** Somebody's browser, until the end of the test: cookies of its own. */
export async function aContext(options: BrowserContextOptions = {}): Promise<BrowserContext> {
  const context = await (await theBrowser()).newContext({ locale: 'en', ...options })
  contexts.set(context, historyOf(context))
  context.setDefaultTimeout(PATIENCE)
  return context
}

/** The same with a page, and with what went wrong on it. */
export async function aBrowser(options: BrowserContextOptions = {}): Promise<Visit> {
  const context = await aContext(options)
  const complaints: string[] = []
  context.on('console', message => {
    if (message.type() === 'error' || /content security policy|trusted/i.test(message.text()))
      complaints.push(`${message.location().url}: ${message.text()}`)
  })
  context.on('weberror', error => complaints.push(String(error.error())))
  context.on('response', response => {
    if (response.status() >= 500) complaints.push(`${response.status()} ${response.url()}`)
  })
  const page = await context.newPage()
  return { page, context, complaints }
}

/** Waits until the script of a flow's page has taken over. */
export const taken = (page: Page) => page.locator('html[data-script=on]').waitFor({ state: 'attached' })

/** Answers the two questions of the default sign-in. */
export async function signIn(page: Page, username: string, password: string): Promise<void> {
  await page.getByLabel('Email or username').fill(username)
  await page.getByRole('button', { name: 'Log in' }).click()
  await page.getByLabel('Password', { exact: true }).fill(password)
  await page.getByRole('button', { name: 'Continue' }).click()
}

const SCREENSHOTS = fileURLToPath(new URL('../../docs/screenshots/', import.meta.url))

/** Keeps what a page looks like in docs/screenshots/, when SIGNET_SCREENSHOTS=1 asks for new ones. */
export async function screenshot(page: Page, name: string): Promise<void> {
  if (process.env.SIGNET_SCREENSHOTS !== '1') return
  mkdirSync(SCREENSHOTS, { recursive: true })
  await page.evaluate('document.fonts.ready')
  writeFileSync(`${SCREENSHOTS}${name}.png`, withPalette(await page.screenshot({ animations: 'disabled', caret: 'hide' })))
}
