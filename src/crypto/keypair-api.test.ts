import assert from 'node:assert/strict'
import { test } from 'node:test'
import { unique } from '../../test/builders.ts'
import { server } from '../../test/harness.ts'
import type { Row } from '../api/model.ts'

const PATH = '/api/v3/crypto/certificatekeypairs/'

test('what cannot be read of a pair is told of both halves at once', async () => {
  const { admin } = await server()
  const wrong = await admin.post(PATH, { name: unique('pair'), certificate_data: 'x', key_data: 'y' })
  assert.deepEqual(
    [wrong.status, wrong.body],
    [400, { certificate_data: ['Unable to load certificate.'], key_data: ['Unable to load private key (possibly encrypted?).'] }],
  )
})

test('pairs are listed by the kind of their key, and a kind that there is not is no filter', async () => {
  const { admin } = await server()
  const made = await admin.post(`${PATH}generate/`, { common_name: unique('pair'), validity_days: 1, alg: 'ed25519' })
  assert.equal(made.status, 200, made.text)
  const found = (await admin.get(`${PATH}?key_type=ed25519&key_type=ed448&page_size=100`)).body.results as Row[]
  assert.ok(found.some(pair => pair.pk === made.body.pk))
  assert.ok(found.every(pair => ['ed25519', 'ed448'].includes(pair.key_type as string)))
  const refused = await admin.get(`${PATH}?key_type=ec&key_type=rot13`)
  assert.deepEqual(
    [refused.status, refused.body],
    [400, { key_type: ['Select a valid choice. rot13 is not one of the available choices.'] }],
  )
})
