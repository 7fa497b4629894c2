/**
 * Records an installation of this version for the tests of those that follow, as a file named after its last migration:
 * `node test/upgrade/record.ts`. To be run when a version is published. It holds one of everything that the API can make, somebody who is signed in with what they hold (session, tokens, second
 * factors), defaults that were changed and deleted, what lists answered, and every row.
 */
import { generateKeyPairSync } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { sql, type Kysely } from 'kysely'
import type { Row } from '../../src/api/model.ts'
import { readCatalogue, type CatalogueTable } from '../../src/db/catalogue.ts'
import { aParty, REDIRECT_URI } from '../../src/providers/oauth2/fixture.ts'
import { addDevice } from '../../src/authenticators/setup.ts'
import { WebAuthnDevice } from '../../src/stages/authenticator_webauthn/device.ts'
import { userUid } from '../../src/core/user/uid.ts'
import { anApp, aSheet } from '../authenticators.ts'
import { aUser } from '../builders.ts'
import { exampleOf, form } from '../contract/examples.ts'
import { sampleObject } from '../contract/samples.ts'
import { HOST, server } from '../harness.ts'
import { Visitor } from '../visitor.ts'
import { packed, type Recorded } from './recorded.ts'

const BLUEPRINT = `version: 1
metadata: {name: a blueprint of the record}
entries:
- {model: authentik_core.group, identifiers: {name: group of the record}, attrs: {attributes: {made: by blueprint}}}
`
/** By the type of a column. */
const VALUES = {
  uuid: '5e7f0c1c-36bd-4a9f-9b6e-0d2f4f3c9a11',
  text: 'of the record',
  integer: 1,
  real: 1,
  flag: false,
  instant: new Date('2031-05-06T07:08:09Z'),
  json: '[]',
  bytes: new Uint8Array(1),
}

const PASSWORD = 'a long enough one'

const { app, ctx, admin, adminToken } = await server()

for (const model of ctx.registry.models) {
  // What only others build on has no objects of its own.
  if (model.component !== '') await sampleObject(ctx, model)
}

for (const route of [
  'POST /core/users/:pk/recovery/',
  'POST /core/users/:pk/recovery_email/', // waits in the queue of mails: no job runs here
  'POST /rbac/roles/:pk/add_user/',
  'POST /rbac/permissions/assigned_by_roles/:pk/assign/',
  'PUT /admin/settings/',
]) {
  const { url, body, headers } = await exampleOf(ctx, route)
  const answer = await admin.request(route.split(' ')[0]!, `/api/v3${url}`, { body, headers })
  if (answer.status >= 300) throw new Error(`${route}: ${answer.text}`)
}

// Somebody with all that people have.
const jane = await aUser(ctx, { username: 'jane', name: 'Jane of the record', password: PASSWORD })
const browser = new Visitor(app)
await browser.signIn('jane', PASSWORD)
const party = await aParty()
const scope = 'openid email profile offline_access'
const tokens = await party.tokens(browser, { scope })
const machine = await party.token({ grant_type: 'client_credentials', scope: 'openid' })
const spare = await party.tokens(browser, { scope })

const { device: totp, key: totpKey } = await anApp(ctx, jane)
const { codes } = await aSheet(ctx, jane)
const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const jwk = keys.privateKey.export({ format: 'jwk' })
const credential = Buffer.from('the credential of the record').toString('base64url')
await addDevice(ctx, WebAuthnDevice, jane, {
  name: 'A passkey',
  credential_id: credential,
  // COSE (RFC 9053 §2.1): EC2, ES256, P-256.
  public_key: Buffer.concat([
    Buffer.from('a5010203262001215820', 'hex'),
    Buffer.from(jwk.x!, 'base64url'),
    Buffer.from('225820', 'hex'),
    Buffer.from(jwk.y!, 'base64url'),
  ]).toString('base64url'),
  rp_id: HOST,
})

/** What operators do to the defaults: change one, delete another. */
const changed = await admin.patch('/api/v3/flows/instances/default-authentication-flow/', { title: 'Welcome to the record' })
if (changed.status !== 200) throw new Error(changed.text)
const gone = await admin.delete('/api/v3/flows/instances/default-user-settings-flow/')
if (gone.status !== 204) throw new Error(gone.text)

const blueprint = await admin.request(
  'POST',
  '/api/v3/managed/blueprints/import/',
  form({ context: '{}' }, { filename: 'x.yaml', content: BLUEPRINT }),
)
if (blueprint.status !== 200 || blueprint.body.success !== true) throw new Error(blueprint.text)

const catalogue = await readCatalogue(ctx.db)
const rowsOf = async (table: string) => (await sql.raw<Row>(`select * from "${table}"`).execute(ctx.db)).rows
// Nobody holds a lease of an installation that was stopped.
for (const name of catalogue.keys()) if (name !== 'lease') await firstOf(name)

/** A row of a table: where nothing above made one, its references lead to rows that are there and the rest is made up. */
async function firstOf(name: string): Promise<Row> {
  const [first] = await rowsOf(name)
  if (first) return first
  const { columns, foreign_keys }: CatalogueTable = catalogue.get(name)!
  const row: Row = {}
  for (const column of columns.filter(({ nullable, defaulted }) => !nullable && !defaulted)) {
    const reference = foreign_keys.find(key => key.columns[0] === column.name)
    row[column.name] = reference ? (await firstOf(reference.target))[reference.target_columns[0]!] : VALUES[column.type]
  }
  // oxlint-disable-next-line typescript/no-explicit-any -- a table that is known by its name alone
  await (ctx.db as Kysely<any>).insertInto(name).values(row).execute()
  return (await rowsOf(name))[0]!
}

const answers: Recorded['answers'] = {}
for (const { path } of ctx.registry.resources) {
  const { status, body } = await admin.get(`/api/v3${path}/?page_size=100`)
  if (status === 200 && !path.startsWith('/events/events')) answers[path] = body.results as Row[]
}

const rows: Recorded['rows'] = {}
for (const name of catalogue.keys()) if (name !== 'schema_migration') rows[name] = await rowsOf(name)
const { rows: migrations } = await sql<{ name: string }>`select name from schema_migration order by name`.execute(ctx.db)

const recorded: Recorded = {
  at: ctx.now().toISOString(),
  known: {
    password: PASSWORD,
    adminToken,
    cookies: Object.fromEntries(browser.cookies),
    provider: party.provider,
    application: party.application,
    redirectUri: REDIRECT_URI,
    tokens,
    spare,
    machine: machine.body.access_token as string,
    totp: { pk: totp.id as number, key: totpKey },
    codes,
    passkey: { id: credential, handle: userUid(ctx, jane.id as number), key: jwk as Row },
  },
  migrations: migrations.map(({ name }) => name),
  answers,
  rows,
}
const file = join(import.meta.dirname, `${recorded.migrations.at(-1)!}.json.gz`)
writeFileSync(file, gzipSync(packed(recorded), { level: 9 }))
