import assert from 'node:assert/strict'
import { generateKeyPairSync, verify } from 'node:crypto'
import { test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { poolThreads } from '../../../config/thread-pool.ts'
import { isLight, Signatures } from './signatures.ts'

const rsa = (modulusLength: number) => generateKeyPairSync('rsa', { modulusLength })
const light = rsa(2048)
const heavy = rsa(3072)
const texts = (many: number) => Array.from({ length: many }, (_, index) => Buffer.from(`text ${index}`))

const asked = (signatures: Signatures, { privateKey }: typeof light, data: readonly Buffer[], hash = 'sha256') =>
  data.map(text => signatures.sign(hash, text, privateKey, isLight(privateKey)))

test('Of many signatures asked for at once, each belongs to its own text.', async () => {
  const data = texts(100)
  const made = await Promise.all(asked(new Signatures(), light, data))
  for (const [index, signature] of made.entries()) assert.ok(verify('sha256', data[index]!, light.publicKey, signature))
})

test('The thread pool holds a few signatures for each thread, and what is more waits.', async () => {
  const signatures = new Signatures()
  const made = asked(signatures, light, texts(100))
  assert.equal(signatures.inPool, 3 * poolThreads())
  assert.equal(signatures.waiting, 100 - 3 * poolThreads())
  await Promise.all(made)
  assert.equal(signatures.inPool, 0)
  assert.equal(signatures.waiting, 0)
})

test('A signature that nobody else has a part in is made in the event loop, once it comes round.', async () => {
  const signatures = new Signatures()
  const made = asked(signatures, light, texts(1))
  assert.equal(signatures.inPool, 0)
  assert.equal(signatures.waiting, 1)
  await turn()
  assert.equal(signatures.waiting, 0)
  await Promise.all(made)
})

test('While signatures wait, the event loop goes round between any two that it makes itself.', async () => {
  const signatures = new Signatures()
  let done = 0
  const made = asked(signatures, light, texts(100)).map(promise => promise.then(() => done++))
  let before = 0
  while (done < 100) {
    await turn()
    // One of its own, and those that the threads have finished since.
    assert.ok(done - before <= 1 + 3 * poolThreads(), `${done - before} in one turn`)
    before = done
  }
  await Promise.all(made)
})

test('A key whose signatures take long signs in the pool alone.', async () => {
  assert.equal(isLight(light.privateKey), true)
  assert.equal(isLight(heavy.privateKey), false)
  const signatures = new Signatures()
  const data = texts(3 * poolThreads() + 1)
  let done = 0
  const made = asked(signatures, heavy, data).map(promise => promise.finally(() => done++))
  assert.equal(signatures.inPool, data.length - 1)
  // As long as the pool has not finished one, nothing is begun.
  while (done === 0) {
    assert.equal(signatures.waiting, 1)
    await turn()
  }
  for (const [index, signature] of (await Promise.all(made)).entries())
    assert.ok(verify('sha256', data[index]!, heavy.publicKey, signature))
  const [alone] = asked(signatures, heavy, texts(1))
  assert.equal(signatures.inPool, 1)
  await alone
})

test('A signature that fails keeps nobody else waiting, in the pool or in the event loop.', async () => {
  const small = rsa(512) // too small for this hash
  const signatures = new Signatures()
  const failing = asked(signatures, small, texts(5 * poolThreads()), 'sha512')
  const good = asked(signatures, light, texts(5 * poolThreads()))
  const ended = await Promise.allSettled(failing)
  assert.ok(ended.every(({ status }) => status === 'rejected'))
  assert.equal((await Promise.all(good)).length, 5 * poolThreads())
  assert.equal(signatures.inPool, 0)
})
