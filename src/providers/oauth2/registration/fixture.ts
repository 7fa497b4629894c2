/** What tests of registration share. */
import assert from 'node:assert/strict'
import { aRole, aToken, aUser } from '../../../../test/builders.ts'
import type { Answer } from '../../../../test/harness.ts'
import type { Row } from '../../../api/model.ts'
import { oauthServer, Party, type SignedIn } from '../fixture.ts'

/** What whoever registers clients must hold. */
const PERMISSION = 'authentik_providers_oauth2.register_oauth2client'
export const CALLBACK = 'https://client.example.test/cb'

/** Switches registration on at a client; answers its settings. */
export async function opened(party: Party, settings: Row = {}): Promise<Row> {
  const made = await party.server.admin.post('/api/v3/providers/oauth2-dcr/', { provider: party.provider.pk, ...settings })
  assert.equal(made.status, 201, made.text)
  return made.body as Row
}

/** An API token of somebody who may register clients. */
export async function initialToken(permissions = [PERMISSION]): Promise<{ token: string; user: Row }> {
  const { ctx } = await oauthServer()
  const user = await aUser(ctx)
  await aRole(ctx, user, permissions)
  return { token: await aToken(ctx, user), user }
}

export const register = (party: Party, token: string | undefined, metadata: unknown): Promise<Answer> =>
  party.server.client(token).post(`/application/o/${party.slug}/register/`, metadata)

/** A registered client, as a test plays one. */
export async function playing(party: Party, registered: Row): Promise<Party> {
  const { results } = (await party.server.admin.get(`/api/v3/providers/oauth2/?client_id=${String(registered.client_id)}`)).body
  const provider = results[0] as Row
  const application = (await party.server.admin.get(`/api/v3/core/applications/${String(provider.assigned_application_slug)}/`)).body
  return new Party(party.server, provider, application as Row)
}

/** Where the browser goes once the person has agreed, where they are asked; nobody is let in unasked. */
export async function agreed(browser: SignedIn['browser'], location: string): Promise<string> {
  const slug = /^\/if\/flow\/([^/]+)\//.exec(location)?.[1]
  if (slug === undefined) return location
  const { component, token } = await browser.challenge(slug, '')
  assert.equal(component, 'ak-stage-consent')
  return (await browser.challenge(slug, '', { component, token })).to
}
