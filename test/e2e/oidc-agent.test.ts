// needs: chromium, oidc-agent
import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { aBrowser, atTheEnd, signIn, theProgram } from './browser.ts'
import { startAgent, type Agent } from './oidc-agent.ts'
import { aPerson, onboard, type Person } from './onboarding.ts'
import type { Program } from './program.ts'

describe('oidc-agent', () => {
  let program: Program
  let agent: Agent
  let person: Person
  before(async () => {
    program = await theProgram()
    agent = await startAgent()
    atTheEnd(() => agent.stop())
    person = await aPerson(program)
  })

  /** Types the code that the program shows, and lets the device in. */
  async function letIn(code: string): Promise<void> {
    const { page, complaints } = await aBrowser()
    await page.goto(`${program.origin}/device`)
    await signIn(page, person.username, person.password)
    await page.getByLabel('Code').fill(code)
    await page.getByRole('button', { name: 'Continue' }).click()
    const done = page.getByRole('heading', { name: 'The device is connected' })
    const consent = page.getByRole('heading', { name: /^Continue to / })
    await done.or(consent).waitFor()
    if (await consent.isVisible()) await page.getByRole('button', { name: 'Continue' }).click()
    await done.waitFor()
    assert.deepEqual(complaints, [])
  }

  const whoIs = async (token: string) =>
    (await (await fetch(`${program.origin}/application/o/userinfo/`, { headers: { authorization: `Bearer ${token}` } })).json()) as Record<
      string,
      unknown
    >

  test('gets tokens by the device flow, and fresh ones without anybody (RFC 8628)', async () => {
    const client = await onboard(program, {
      name: 'Command line',
      redirects: ['http://localhost:4242/'],
      scopes: ['openid', 'profile', 'offline_access'],
    })
    const { promise, resolve } = Promise.withResolvers<string>()
    const generated = agent.generate(
      [
        ...['--issuer', client.issuer, '--client-id', client.client_id, '--client-secret', client.client_secret],
        ...['--scope', 'openid profile offline_access', '--redirect-uri', 'http://localhost:4242/', '--flow=device', 'command-line'],
      ],
      line => {
        const code = /enter the code: (\d+)/.exec(line)?.[1]
        if (code) resolve(code)
      },
    )
    const code = await Promise.race([promise, generated.then(() => Promise.reject(new Error('it asked for nothing')))])
    await Promise.all([generated, letIn(code)])
    const first = await agent.token('command-line')
    assert.equal((await whoIs(first)).preferred_username, person.username)
    const fresh = await agent.token('command-line', ['--force-new'])
    assert.notEqual(fresh, first)
    assert.equal((await whoIs(fresh)).preferred_username, person.username)
  })
})
