// needs: chromium
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { Page } from 'playwright-core'
import { renderAccessDenied, renderOAuthError } from '../../src/interfaces/errors.ts'
import type { Challenge } from '../../src/interfaces/flow.ts'
import { renderLibrary } from '../../src/interfaces/library.ts'
import { aContext, taken } from './browser.ts'
import { accessDenied, consent, everyPrompt, fullIdentification, password, sessionEnd } from './challenges.ts'
import { startFixture, type Fixture } from './sign-in-fixture.ts'

/** What people call themselves and their applications: in one word that no line holds, or from right to left. */

const FLOW = '/if/flow/sign-in/?next=%2Fif%2Fuser%2F'
const LONG = 'Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft'
const MAIL = 'maximiliana.katharina.von-und-zu-donaudampfschifffahrt@a-very-long-department.of-a-longer-company.example.org'
const HEBREW = 'מערכת מסמכים (בדיקה)'
const source = { icon_url: null, promoted: false, challenge: { component: 'xak-flow-redirect', to: '/source/oauth/login/x/' } }

const STEPS: Record<string, Challenge> = {
  identification: {
    ...fullIdentification,
    application_pre: LONG,
    primary_action: LONG,
    sources: [LONG, 'Ελληνικά'].map(name => ({ ...source, name })),
  },
  password: { ...password, pending_user: MAIL },
  consent: { ...consent, pending_user: MAIL, permissions: [{ id: 'a', name: LONG }], additional_permissions: [{ id: 'b', name: LONG }] },
  refusal: { ...accessDenied, pending_user: MAIL, error_message: `${LONG}\nAsk ${MAIL}` },
  'sign-out': { ...sessionEnd, application_name: LONG, brand_name: LONG },
}

describe('names that are long, or written from right to left', () => {
  let fixture: Fixture
  before(async () => {
    fixture = await startFixture()
  })
  after(() => fixture.close())

  const overflow = (page: Page): Promise<number> => page.locator('html').evaluate(html => html.scrollWidth - html.clientWidth)

  // 320 is what is left of 1280 at 400 %, as WCAG 2.2 §1.4.10 has it.
  for (const width of [320, 640]) {
    test(`widen no page of ${width} pixels`, async () => {
      const page = await (await aContext({ viewport: { width, height: 360 } })).newPage()
      for (const [name, challenge] of Object.entries(STEPS)) {
        fixture.play(challenge)
        await page.goto(fixture.origin + FLOW)
        await taken(page)
        assert.equal(await overflow(page), 0, name)
        const card = (await page.locator('.card').boundingBox())!
        for (const control of await page.locator('.card :is(.btn, .input)').all()) {
          const box = (await control.boundingBox())!
          assert.ok(box.x >= card.x && box.x + box.width <= card.x + card.width, `${name}: a control leaves the card`)
        }
      }
      fixture.show('/denied', context =>
        renderAccessDenied(context, {
          messages: [LONG],
          about: { application: LONG, user: MAIL },
          explanationId: 'K7QF-2M9D',
          requestId: 'a'.repeat(32),
          explanation: [[`expression policy ${LONG}`, 'denied']],
        }),
      )
      fixture.show('/error', context =>
        renderOAuthError(context, {
          title: 'Redirect URI Error',
          text: LONG,
          requestId: 'a'.repeat(32),
          help: { says: ['help_redirect'], sent: [['redirect_uri', `https://${LONG}/callback`]], registered: [`https://${LONG}/x`] },
        }),
      )
      fixture.show('/library', context =>
        renderLibrary({
          ...context,
          user: { username: MAIL, name: LONG, avatar: '' },
          applications: [{ name: LONG, launch_url: 'https://x.example/', icon: null, description: LONG, group: LONG }],
          sources: [{ name: LONG, icon: null, connect: '/x', connection: null }],
          access: [],
          sessions: [],
          signout_url: '/x',
          is_superuser: true,
        }),
      )
      for (const path of ['/denied', '/error', '/library']) {
        await page.goto(fixture.origin + path)
        for (const summary of await page.locator('.operators summary').all()) await summary.click()
        assert.equal(await overflow(page), 0, path)
      }
    })
  }

  test('leave the words around them where they are', async () => {
    const page = await (await aContext()).newPage()
    fixture.play({ ...fullIdentification, application_pre: `${HEBREW} 2` })
    await page.goto(fixture.origin + FLOW)
    await taken(page)
    assert.equal(await page.locator('.app').innerText(), `${HEBREW.slice(0, 1)}\nto continue to \u2068${HEBREW} 2\u2069`)
    fixture.show('/denied', context =>
      renderAccessDenied(context, { messages: [], about: { application: HEBREW, user: 'jane' }, requestId: 'a' }),
    )
    await page.goto(`${fixture.origin}/denied`)
    await page.getByText(`\u2068${HEBREW}\u2069 is not open to the account jane`).waitFor()
  })

  test('are typed in their own direction', async () => {
    const page = await (await aContext()).newPage()
    fixture.play(everyPrompt)
    await page.goto(fixture.origin + FLOW)
    await taken(page)
    for (const field of [page.getByLabel('Text', { exact: true }), page.getByLabel('Text area', { exact: true })]) {
      await field.fill(HEBREW)
      await field.and(page.locator(':dir(rtl)')).waitFor()
      await field.fill('Jane')
      await field.and(page.locator(':dir(ltr)')).waitFor()
    }
  })
})
