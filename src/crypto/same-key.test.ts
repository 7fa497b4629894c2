import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sql } from 'kysely'
import pino from 'pino'
import { assemble, openConfigured } from '../assemble.ts'
import { createApp } from '../app.ts'
import { systemContext } from '../context.ts'
import { aSource, aToken, aUser, unique } from '../../test/builders.ts'
import { anApp } from '../../test/authenticators.ts'
import { clientOf, ownServer } from '../../test/harness.ts'
import { sampleObject } from '../../test/contract/samples.ts'
import { OAuth2Provider } from '../providers/oauth2/model.ts'
import { adoptSecretKey } from './same-key.ts'

const OTHER = 'another secret key, which is long enough as well'

test('a database belongs to its secret key, until another one is adopted', async () => {
  const { ctx, admin, adminToken } = await ownServer()
  const person = await aUser(ctx)
  const identifier = unique('token')
  await aToken(ctx, person, { identifier })
  const source = await aSource(ctx, { name: unique('Elsewhere') })
  const provider = await sampleObject(ctx, OAuth2Provider)
  const { device } = await anApp(ctx, await aUser(ctx))
  const outside = { config: { ...ctx.config, secret_key: OTHER }, log: pino({ level: 'silent' }), now: ctx.now, root: process.cwd() }
  const database = await openConfigured(outside)
  try {
    const refused = {
      name: 'OtherSecretKeyError',
      message: /^The secret key is not the one that this database was made with\. Nothing was changed\./,
    }
    await assert.rejects(assemble(outside, database), refused)
    await assert.rejects(assemble(outside, database, { migrations: 'demand' }), refused)
    // As a version would find it that has something to migrate: the key is looked at first.
    const applied = await sql<{
      name: string
    }>`delete from schema_migration where name = (select max(name) from schema_migration) returning name`.execute(database.db)
    await assert.rejects(assemble(outside, database), refused)
    await sql`insert into schema_migration (name, applied_at, program_version) select ${applied.rows[0]!.name}, applied_at, program_version from schema_migration limit 1`.execute(
      database.db,
    )
    assert.equal((await admin.get(`/api/v3/providers/oauth2/${String(provider.id)}/`)).body.client_secret, provider.client_secret)

    const lost = await adoptSecretKey(systemContext(await assemble(outside, database, { secretKey: 'any' })))
    for (const line of [
      `OAuth Source ${String(source.name)}: consumer_secret`,
      `OAuth2/OpenID Provider ${String(provider.name)}: client_secret`,
      `TOTP Device ${String(device.name)}: key`,
      'Certificate-Key Pair authentik Self-signed Certificate: key_data',
    ])
      assert.ok(lost.includes(line), `${line}\n${lost.join('\n')}`)

    // From now on it is the other one's, and every secret can be read and set.
    const deps = await assemble(outside, database)
    const secret = (
      await systemContext(deps)
        .db.selectFrom('provider_oauth2')
        .select('client_secret')
        .where('id', '=', provider.id as number)
        .executeTakeFirstOrThrow()
    ).client_secret
    assert.ok(deps.secrets.open(secret).length > 30)
    assert.notEqual(deps.secrets.open(secret), provider.client_secret)
    assert.deepEqual(await adoptSecretKey(systemContext(deps)), [])

    // An API token stays what it is, and can only not be shown.
    const app = await createApp(deps)
    try {
      const admin = clientOf(app, () => ({ authorization: `Bearer ${adminToken}` }))
      const shown = (identifier: string) => admin.get(`/api/v3/core/tokens/${identifier}/view_key/`)
      const former = await shown(identifier)
      assert.equal(former.status, 404, former.text)
      assert.match(String(former.body.detail), /under a former secret key/)
      const another = unique('token')
      const key = await aToken(systemContext(deps), person, { identifier: another })
      assert.equal((await shown(another)).body.key, key)
    } finally {
      await app.close()
    }
    await assert.rejects(assemble({ ...outside, config: ctx.config }, database), refused)
  } finally {
    await database.close()
  }
})
