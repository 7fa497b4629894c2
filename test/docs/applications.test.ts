import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { before, describe, test } from 'node:test'
import type { Row } from '../../src/api/model.ts'
import { form } from '../contract/examples.ts'
import { ownServer, type TestServer } from '../harness.ts'

/** What the recipes tell operators to send is sent, as it stands there: line by line, and as a blueprint. */

const A = '/api/v3'
const FOLDER = 'docs/applications'
const recipes = readdirSync(FOLDER)
  .filter(name => name.endsWith('.md') && name !== 'README.md')
  .map(name => ({ name, text: readFileSync(`${FOLDER}/${name}`, 'utf8') }))

const blocks = (text: string, language: string) =>
  [...text.matchAll(new RegExp('```' + language + '\\n(.*?)```', 'gs'))].map(([, block]) => block!)
const blueprintOf = (text: string) => blocks(text, 'yaml').find(block => block.startsWith('version: 1'))

type Onboarding = { slug: string; name: string; url: string; fields: Row; scopes: string[] }

/** The words of a shell line, quotes taken off. */
const words = (line: string) => [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare!)

function onboardingOf(text: string): Onboarding | undefined {
  const line = /^onboard (?:[^'\n]|'[^']*')+$/m.exec(text)?.[0]
  if (line === undefined) return undefined
  const [, slug, name, url, fields, ...scopes] = words(line)
  return { slug: slug!, name: name!, url: url!, fields: JSON.parse(fields!) as Row, scopes }
}

/** The bodies of the mappings that a recipe makes first. */
const mappingsOf = (text: string): Row[] =>
  [...text.matchAll(/^api -X POST "\$H\/api\/v3\/propertymappings\/provider\/scope\/" -d '(.*?)'/gms)].map(
    ([, body]) => JSON.parse(body!) as Row,
  )

describe('docs/applications/', () => {
  let own = {} as TestServer
  let flow: string
  let key: string
  before(async () => {
    own = await ownServer()
    flow = await theOne('/flows/instances/?slug=default-provider-authorization-implicit-consent')
    key = await theOne('/crypto/certificatekeypairs/?name=authentik+Self-signed+Certificate&has_key=true')
  })

  const results = async (path: string): Promise<Row[]> => (await own.admin.get(A + path)).body.results
  const theOne = async (path: string): Promise<string> => (await results(path))[0]!.pk as string

  /** Does what the function in docs/applications.md does. */
  async function onboard({ slug, name, url, fields, scopes }: Onboarding): Promise<void> {
    const known = await results('/propertymappings/provider/scope/?page_size=100')
    const chosen = known.filter(row =>
      [row.name, String(row.managed ?? '').split('/scope-')[1]].some(word => scopes.includes(String(word))),
    )
    assert.equal(chosen.length, scopes.length, `${slug}: ${scopes.join(' ')}`)
    const provider = await own.admin.post(`${A}/providers/oauth2/`, {
      name,
      client_type: 'confidential',
      authorization_flow: flow,
      signing_key: key,
      property_mappings: chosen.map(row => row.pk),
      ...fields,
    })
    assert.equal(provider.status, 201, `${slug}: ${provider.text}`)
    const application = await own.admin.post(`${A}/core/applications/`, { name, slug, provider: provider.body.pk, meta_launch_url: url })
    assert.equal(application.status, 201, `${slug}: ${application.text}`)
  }

  /** What came of it, without what is made anew each time; then it is taken away. */
  async function made({ slug, fields }: Onboarding, mappings: Row[]): Promise<Row> {
    const application: Row = (await own.admin.get(`${A}/core/applications/${slug}/`)).body
    const provider: Row = (await own.admin.get(`${A}/providers/oauth2/${String(application.provider)}/`)).body
    const known = await results('/propertymappings/provider/scope/?page_size=100')
    const used = known.filter(row => (provider.property_mappings as unknown[]).includes(row.pk))
    const outcome = {
      application: [application.name, application.slug, application.meta_launch_url],
      provider: Object.fromEntries(
        ['client_type', 'authorization_flow', 'invalidation_flow', 'signing_key', ...Object.keys(fields)].map(field => [
          field,
          provider[field],
        ]),
      ),
      mappings: used.map(row => [row.name, row.scope_name, String(row.expression).trim()]),
    }
    await own.admin.delete(`${A}/core/applications/${slug}/`)
    await own.admin.delete(`${A}/providers/oauth2/${String(provider.pk)}/`)
    for (const row of known.filter(({ name }) => mappings.some(mapping => mapping.name === name)))
      await own.admin.delete(`${A}/propertymappings/provider/scope/${String(row.pk)}/`)
    return outcome
  }

  for (const { name: file, text } of recipes.filter(({ text }) => onboardingOf(text))) {
    test(`${file} makes the same by the API as by its blueprint`, async () => {
      const onboarding = onboardingOf(text)!
      const mappings = mappingsOf(text)
      for (const mapping of mappings) {
        const { status, text: answer } = await own.admin.post(`${A}/propertymappings/provider/scope/`, mapping)
        assert.equal(status, 201, answer)
      }
      await onboard(onboarding)
      const byHand = await made(onboarding, mappings)
      assert.partialDeepStrictEqual(byHand.provider, onboarding.fields)

      const upload = { filename: 'recipe.yaml', content: blueprintOf(text) ?? assert.fail('it has no blueprint'), type: 'application/yaml' }
      for (const _ of ['first', 'again']) {
        const { body } = await own.admin.request('POST', `${A}/managed/blueprints/import/`, form({}, upload))
        assert.ok(body.success, JSON.stringify(body))
      }
      assert.deepEqual(await made(onboarding, mappings), byHand)
    })

    test(`${file} names the addresses of its own application`, () => {
      const { slug } = onboardingOf(text)!
      assert.equal(slug, file === 'apache.md' ? 'intranet' : file.replace('.md', ''))
      for (const [address, other] of text.matchAll(/https:\/\/id\.example\.org\/application\/o\/([\w-]+)/g)) {
        if (!['authorize', 'token', 'userinfo'].includes(other!)) assert.equal(other, slug, address)
      }
    })
  }

  test('README.md lists every recipe, with what was tried', () => {
    const readme = readFileSync(`${FOLDER}/README.md`, 'utf8')
    for (const { name, text } of recipes) {
      const row = readme.split('\n').find(line => line.startsWith('|') && line.includes(`](${name})`)) ?? assert.fail(`no row for ${name}`)
      const tried = /^\*\*Tried\*\* with (.+?)[.:,]/m.exec(text)
      assert.ok(tried || /^\*\*Not tried\.\*\*/m.test(text), `${name} does not say whether it was tried`)
      assert.equal(/\| not tried \|/.test(row), tried === null, row)
    }
    for (const [, target] of readme.matchAll(/\]\(([\w-]+\.md)\)/g))
      assert.ok(
        recipes.some(({ name }) => name === target),
        String(target),
      )
  })
})
