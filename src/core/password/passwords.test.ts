import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hash as argon2 } from '@node-rs/argon2'
import { QueueFullError } from '../../lib/turn-queue.ts'
import { isUsable, makePasswords, PasswordTooLongError, unusablePassword } from './passwords.ts'

const passwords = makePasswords()

// Made with Python's hashlib: pbkdf2_hmac('sha256', b'correct horse', b'saltsalt', 1000), as Django writes it.
const PBKDF2 = 'pbkdf2_sha256$1000$saltsalt$qQDPSZa3Ormyy9oK1Pu0ZLLwP2Svzmx3yu8OvDdq/J0='

test('a hash is a PHC string with the costs that were decided, with a salt of its own', async () => {
  const [one, two] = await Promise.all([passwords.hash('correct horse'), passwords.hash('correct horse')])
  assert.match(one, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$[\w+/]{22}\$[\w+/]{43}$/)
  assert.notEqual(one, two)
  assert.equal(await passwords.verify(one, 'correct horse'), true)
  assert.equal(await passwords.verify(one, 'Correct horse'), false)
  assert.equal(await passwords.verify(one, ''), false)
  assert.equal(passwords.needsRehash(one), false)
})

test('hashes of Django are verified and due for a new one', async () => {
  const phc = await argon2('correct horse', { memoryCost: 1024, timeCost: 1, parallelism: 2 })
  for (const stored of [PBKDF2, `argon2${phc}`, phc]) {
    assert.equal(await passwords.verify(stored, 'correct horse'), true, stored)
    assert.equal(await passwords.verify(stored, 'wrong'), false)
    assert.equal(passwords.needsRehash(stored), true)
    assert.equal(isUsable(stored), true)
  }
})

test('nothing matches a missing, unusable, unknown or immoderate hash', async () => {
  const unusable = unusablePassword()
  assert.match(unusable, /^![A-Za-z0-9]{40}$/)
  const stored = [
    undefined,
    null,
    '',
    '!',
    unusable,
    'correct horse',
    'md5$salt$hash',
    PBKDF2.replace('$1000$', '$99999999$'),
    PBKDF2.replace('$1000$', '$0$'),
    PBKDF2.slice(0, -8),
    '$argon2id$v=19$m=99999999,t=2,p=1$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaA',
    '$argon2id$v=16$m=1024,t=2,p=1$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaA',
    '$argon2id$v=19$m=8,t=0,p=1$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaA',
  ]
  for (const text of stored) {
    assert.equal(await passwords.verify(text, 'correct horse'), false, String(text))
    assert.equal(isUsable(text), false, String(text))
    if (text) assert.equal(passwords.needsRehash(text), false)
  }
})

test('a password has at most 512 bytes (abuse case 81)', async () => {
  const longest = 'é'.repeat(256)
  const stored = await passwords.hash(longest)
  assert.equal(await passwords.verify(stored, longest), true)
  await assert.rejects(passwords.hash(`${longest}x`), PasswordTooLongError)
  assert.equal(await passwords.verify(stored, `${longest}x`), false)
  assert.equal(await passwords.verify(undefined, 'x'.repeat(1_000_000)), false)
})

test('a flood of checks is bounded, refused beyond that, and does not push others back (abuse case 83)', async () => {
  const few = makePasswords({ concurrency: 1, maxWaiting: 6 })
  const order: string[] = []
  const ask = (client: string) => few.verify(undefined, 'wrong', client).then(() => order.push(client))
  const flood = Array.from({ length: 6 }, () => ask('flood'))
  const mine = ask('mine')
  await assert.rejects(ask('late'), QueueFullError)
  assert.equal(few.pending(), 7)
  await Promise.all([...flood, mine])
  assert.equal(order.indexOf('mine'), 2) // behind the one that ran and the one whose turn it was
  assert.equal(few.pending(), 0)
})

test('whoever brings nothing but wrong passwords leaves a place free for others, until one was right', async () => {
  const two = makePasswords({ concurrency: 2, cost: { memoryCost: 8, timeCost: 1, parallelism: 1 } })
  const stored = await two.hash('right')
  for (let index = 0; index < 10; index++) await two.verify(stored, 'wrong', 'guesser')
  let [running, most] = [0, 0]
  const counted = async (client: string, password: string) => {
    await two.verify(stored, password, client, async () => {
      most = Math.max(most, ++running)
      await new Promise(setImmediate)
      running--
    })
  }
  await Promise.all(Array.from({ length: 6 }, () => counted('guesser', 'wrong')))
  assert.equal(most, 1)
  await Promise.all([counted('guesser', 'wrong'), counted('guesser', 'wrong'), counted('owner', 'right')])
  assert.equal(most, 2)
  await two.verify(stored, 'right', 'guesser')
  most = 0
  await Promise.all([counted('guesser', 'right'), counted('guesser', 'right')])
  assert.equal(most, 2)
})
