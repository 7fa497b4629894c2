import assert from 'node:assert/strict'
import { createPrivateKey } from 'node:crypto'
import { suite, test } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import { sql } from 'kysely'
import pino from 'pino'
import type { Row } from '../../src/api/model.ts'
import { assemble, openConfigured } from '../../src/assemble.ts'
import { boot } from '../../src/boot.ts'
import { readCatalogue } from '../../src/db/catalogue.ts'
import type { Database } from '../../src/db/database.ts'
import { Party } from '../../src/providers/oauth2/fixture.ts'
import { Authenticator } from '../authenticator.ts'
import { codeOf } from '../codes.ts'
import { ownServer } from '../harness.ts'
import { Visitor } from '../visitor.ts'
import { readRecorded, restore, versions } from './recorded.ts'

/** What lists say otherwise since, and is meant to: the path of each and its field. */
const CHANGED: ReadonlySet<string> = new Set([
  // The defaults have learned more, and nobody had changed these.
  '/core/brands flow_device_code',
  '/flows/instances stages',
  '/policies/all bound_to',
  '/policies/expression bound_to',
  '/policies/password bound_to',
  '/stages/identification show_matched_user',
  '/stages/prompt/prompts prompt_stages_obj',
  '/stages/prompt/stages validation_policies',
])

const SIGN_IN = 'default-authentication-flow'

/** Every row of every table, by its table. */
async function everyRow({ db }: Pick<Database, 'db'>): Promise<Map<string, Row[]>> {
  const tables = [...(await readCatalogue(db)).keys()]
  return new Map(
    await Promise.all(
      tables.map(async name => {
        const { rows } = await sql<Row>`select * from ${sql.table(name)}`.execute(db)
        return [name, rows.toSorted((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))] as const
      }),
    ),
  )
}

for (const version of versions) {
  suite(`an installation of ${version}`, async () => {
    const recorded = readRecorded(version)
    const { known } = recorded
    // What was given out then is taken over and tried before it ends.
    const own = await ownServer({}, { restore: database => restore(database, recorded), at: new Date(Date.parse(recorded.at) + 1000) })
    const { admin, app, ctx } = own
    const party = new Party(own, known.provider, known.application)

    test('shows the same objects', async () => {
      const differences: string[] = []
      for (const [path, then] of Object.entries(recorded.answers)) {
        const { status, body } = await admin.get(`/api/v3${path}/?page_size=1000`)
        assert.equal(status, 200, path)
        const now = new Map((body.results as Row[]).map(object => [keyOf(object), object]))
        for (const object of then) {
          const found = now.get(keyOf(object))
          if (!found) differences.push(`${path} ${keyOf(object)}`)
          else
            for (const [field, value] of Object.entries(object))
              if (!isDeepStrictEqual(parsed(found[field]), parsed(value))) differences.push(`${path} ${field}`)
        }
      }
      assert.deepEqual(
        [...new Set(differences)].filter(difference => !CHANGED.has(difference)),
        [],
      )
    })

    test('has every row that it had', async () => {
      const catalogue = await readCatalogue(ctx.db)
      for (const [table, rows] of Object.entries(recorded.rows)) {
        const columns = catalogue.get(table)!.primary_key
        const keys = new Set(
          (await sql<Row>`select * from ${sql.table(table)}`.execute(ctx.db)).rows.map(row =>
            JSON.stringify(columns.map(name => row[name])),
          ),
        )
        const lost = rows.filter(row => !keys.has(JSON.stringify(columns.map(name => row[name]))))
        assert.deepEqual(lost, [], table)
      }
    })

    test('knows the browser that was signed in', async () => {
      const browser = new Visitor(app)
      for (const [name, value] of Object.entries(known.cookies)) browser.cookies.set(name, value)
      const { status, body } = await browser.get('/api/v3/core/users/me/')
      assert.deepEqual([status, body.user?.username], [200, 'jane'])
      // Single sign-on goes on.
      assert.ok((await party.tokens(browser)).id_token)
    })

    test('takes the tokens that it gave to applications', async () => {
      assert.equal((await party.userinfo(known.spare.access_token)).body.preferred_username, 'jane')
      for (const token of [known.machine, known.spare.access_token, known.spare.refresh_token]) {
        assert.equal((await party.post('introspect', { token })).body.active, true)
      }
      const refreshed = await party.refresh(known.tokens.refresh_token)
      assert.equal(refreshed.status, 200, refreshed.text)
      assert.equal((await party.userinfo(refreshed.body.access_token as string)).body.preferred_username, 'jane')
      const again = await party.refresh(refreshed.body.refresh_token as string)
      assert.equal(again.status, 200, again.text)
    })

    test('revokes them', async () => {
      for (const token of [known.spare.refresh_token, known.spare.access_token]) {
        assert.equal((await party.post('revoke', { token })).status, 200)
        assert.equal((await party.post('introspect', { token })).body.active, false)
      }
    })

    test('lets people in with what they had', async () => {
      const { totp, codes, passkey } = known
      const ways: ((challenges: Row[]) => Row)[] = [
        ...(totp ? [() => ({ code: codeOf(totp.key, ctx.now()) })] : []),
        ...(codes ? [() => ({ code: codes[0] })] : []),
        ...(passkey
          ? [
              (challenges: Row[]) => {
                const authenticator = new Authenticator({ credentialId: Buffer.from(passkey.id, 'base64url') })
                authenticator.userHandle = Buffer.from(passkey.handle).toString('base64url')
                const { challenge } = challenges.find(({ device_class }) => device_class === 'webauthn')!
                return {
                  webauthn: authenticator.get(challenge as Row, { signedBy: createPrivateKey({ key: passkey.key, format: 'jwk' }) }),
                }
              },
            ]
          : []),
      ]
      for (const prove of ways.length > 0 ? ways : [undefined]) {
        const browser = new Visitor(app)
        let shown = await browser.signIn('jane', known.password)
        if (prove) {
          assert.equal(shown.component, 'ak-stage-authenticator-validate')
          shown = await browser.challenge(SIGN_IN, '', { component: shown.component, ...prove(shown.device_challenges as Row[]) })
        }
        assert.equal(shown.component, 'xak-flow-redirect', JSON.stringify(shown))
        assert.equal((await browser.get('/api/v3/core/users/me/')).body.user.username, 'jane')
      }
    })

    test('keeps what operators made of the defaults, and gets those that are new', async () => {
      const flows = new Map(
        ((await admin.get('/api/v3/flows/instances/?page_size=1000')).body.results as Row[]).map(flow => [flow.slug, flow]),
      )
      assert.equal(flows.get(SIGN_IN)?.title, 'Welcome to the record')
      assert.equal(flows.has('default-user-settings-flow'), false)
      assert.equal(flows.has('default-source-authentication'), true)
    })

    test('takes new objects, numbered behind those that are there', async () => {
      const { status, body } = await admin.post('/api/v3/core/users/', { username: 'new-here', name: 'New' })
      assert.equal(status, 201)
      assert.ok(recorded.rows.user!.every(({ id }) => (id as number) < (body.pk as number)))
    })

    test('is changed by its first start, and not by the second', async () => {
      const before = await everyRow(ctx)
      const log = pino({ level: 'silent' })
      const database = await openConfigured({ config: ctx.config, log })
      await boot(await assemble({ config: ctx.config, log, now: () => ctx.now(), root: process.cwd() }, database))
      const after = await everyRow(database)
      await database.close()
      for (const [table, rows] of before) assert.deepEqual(after.get(table), rows, table)
    })
  })
}

/** Text that holds JSON as what it holds: engines order its names as they like. */
const parsed = (value: unknown): unknown => (typeof value === 'string' && value.startsWith('{') ? JSON.parse(value) : value)

/** What tells an object from others of its list, for good. */
const keyOf = (object: Row): string =>
  JSON.stringify(object.pk ?? object.uuid ?? object.brand_uuid ?? object.aaguid ?? object.identifier ?? object.name)
