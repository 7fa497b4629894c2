// needs: chromium, oidc-agent
import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { aBrowser, atTheEnd, signIn, theProgram } from './browser.ts'
import { startAgent, type Agent } from './oidc-agent.ts'
import { aPerson, onboard, unique, type Person } from './onboarding.ts'
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
    const consent = page.getByRole('heading', { name: /^Continue to |^An unverified application asks/ })
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

  /** Begins an account by the device flow, which somebody lets in. */
  async function begin(account: string, args: readonly string[]): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<string>()
    const generated = agent.generate([...args, '--scope', 'openid profile offline_access', '--flow=device', account], line => {
      const code = /enter the code: (\d+)/.exec(line)?.[1]
      if (code) resolve(code)
    })
    const code = await Promise.race([promise, generated.then(() => Promise.reject(new Error('it asked for nothing')))])
    await Promise.all([generated, letIn(code)])
  }

  /** A token of the account, and the one that it gets for itself when that is over, are the person's. */
  async function assertTokens(account: string): Promise<void> {
    const first = await agent.token(account)
    assert.equal((await whoIs(first)).preferred_username, person.username)
    const fresh = await agent.token(account, ['--force-new'])
    assert.notEqual(fresh, first)
    assert.equal((await whoIs(fresh)).preferred_username, person.username)
  }

  const onboarded = (name: string) =>
    onboard(program, { name, redirects: ['http://localhost:4242/'], scopes: ['openid', 'profile', 'offline_access'] })

  test('gets tokens by the device flow, and fresh ones without anybody (RFC 8628)', async () => {
    const { issuer, client_id, client_secret } = await onboarded('Command line')
    const known = ['--client-id', client_id, '--client-secret', client_secret, '--redirect-uri', 'http://localhost:4242/']
    await begin('known', ['--issuer', issuer, ...known])
    await assertTokens('known')
  })

  /** An API token of the person, who may register clients and open what they registered. */
  async function tokenToRegister(): Promise<string> {
    const role = await program.api('POST', '/rbac/roles/', { name: unique('Registrants') })
    const permissions = ['authentik_providers_oauth2.register_oauth2client']
    await program.api('POST', `/rbac/permissions/assigned_by_roles/${role.pk}/assign/`, { permissions })
    await program.api('POST', `/rbac/roles/${role.pk}/add_user/`, { pk: person.pk })
    const identifier = unique('register')
    await program.api('POST', '/core/tokens/', { identifier, intent: 'api', user: person.pk })
    return (await program.api('GET', `/core/tokens/${identifier}/view_key/`)).key
  }

  test('registers itself as a client, then does the same (RFC 7591)', async () => {
    const { issuer, pk } = await onboarded('Registrar')
    await program.api('POST', '/providers/oauth2-dcr/', { provider: pk })
    await begin('registered', ['--issuer', issuer, '--access-token', await tokenToRegister()])
    await assertTokens('registered')
  })
})
