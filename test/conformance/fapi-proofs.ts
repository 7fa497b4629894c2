import assert from 'node:assert/strict'
import { exportJWK, importJWK, UnsecuredJWT, type CryptoKey } from 'jose'
import { unique } from '../builders.ts'
import { HOST } from '../harness.ts'
import type { Person } from './driver.ts'
import { keyOf } from './fapi-keys.ts'
import { ath, refused, type Change, type FapiClient } from './fapi.ts'

/** All that can be wrong with a proof, RFC 9449 §4.2 and §4.3; and how one may be written otherwise. */
export async function proofTests({ client, other, person }: { client: FapiClient; other: FapiClient; person: Person }): Promise<void> {
  const { access_token: token } = await client.signIn(person)
  const { alg } = client.variant
  const rsa = await keyOf('RS256', 'stranger')
  const wrong: Record<string, Change> = {
    'for another method': { claims: { htm: 'PUT' } },
    'for another address': { claims: { htu: 'https://elsewhere.example.test/' } },
    'of an hour ago': { claims: { iat: client.now - 3600 } },
    'of the next hour': { claims: { iat: client.now + 3600 } },
    'without a name': { claims: { jti: undefined } },
    'without a method': { claims: { htm: undefined } },
    'without an address': { claims: { htu: undefined } },
    'without a time': { claims: { iat: undefined } },
    'for a longer address': { claims: { htu: `https://${HOST}${client.resourcePath}more` } },
    'of another type': { header: { typ: 'JWT' } },
    'of a longer type': { header: { typ: 'dpop+jwt+more' } },
    'of no type': { header: { typ: undefined } },
    'that shows no key': { header: { jwk: undefined } },
    'that shows its private key': { header: { jwk: await exportJWK(client.dpop.privateKey) } },
    'by another key than it shows': { key: (await keyOf(alg, 'stranger')).privateKey },
    'by an algorithm that the profile does not know': {
      key: rsa.privateKey,
      header: { alg: 'RS256', jwk: { kty: rsa.jwk.kty, n: rsa.jwk.n, e: rsa.jwk.e } },
    },
  }
  const secret = new TextEncoder().encode('s'.repeat(32))
  wrong['by a secret that it shows'] = {
    key: secret,
    header: { alg: 'HS256', jwk: { kty: 'oct', k: Buffer.from(secret).toString('base64url') } },
  }
  // Not even RS256 by the very key that the token is bound to.
  if (alg === 'PS256') {
    const key = (await importJWK(await exportJWK(client.dpop.privateKey), 'RS256')) as CryptoKey
    wrong['by another algorithm of the same key'] = { header: { alg: 'RS256' }, key }
  }
  for (const [what, change] of Object.entries(wrong)) {
    const answer = await client.resource(token, change)
    assert.equal(answer.status, 401, what)
    assert.match(
      String(answer.headers['www-authenticate']),
      /^DPoP error="invalid_(?:dpop_proof|token)"|^Bearer error="invalid_token"/,
      what,
    )
  }
  const { sent, code } = await client.code(person)
  for (const [what, change] of Object.entries(wrong)) {
    const answer = await client.redeem(client.form(code, sent), { proof: change })
    refused({ answer }, 'invalid_dpop_proof')
    assert.ok(what)
  }
  const pair = [await client.proof('token'), await client.proof('token')].join(', ')
  const both = await client.redeem(client.form(code, sent), { proof: null, headers: { dpop: pair } })
  refused({ answer: both }, 'invalid_dpop_proof', 'invalid_request')
  const once = { claims: { jti: unique('once') } }
  assert.equal((await client.redeem(client.form(code, sent), { proof: once })).status, 200, 'and none of them spent the code')
  const next = await client.code(person)
  refused({ answer: await client.redeem(client.form(next.code, next.sent), { proof: once }) }, 'invalid_dpop_proof')
  for (const claims of [{ ath: undefined }, { ath: 'another' }]) assert.equal((await client.resource(token, { claims })).status, 401)
  assert.equal((await client.resource(token, {}, { by: other.dpop })).status, 401, 'by a key that the token is not bound to')
  const htu = `https://${HOST}${client.resourcePath}`
  const proof = await client.proof(htu, { claims: { htm: 'GET' } })
  const none = new UnsecuredJWT({ jti: unique('jti'), htm: 'GET', htu, iat: client.now }).encode()
  const [header, payload, signature] = (await client.proof(htu, { claims: { htm: 'GET', ath: ath(token) } })).split('.')
  const without = Buffer.from(header!, 'base64url').toString().replace('"alg"', '"alg2"')
  const unnamed = `${Buffer.from(without).toString('base64url')}.${payload}.${signature}`
  for (const dpop of ['nonsense', `${proof.slice(0, -6)}AAAAAA`, `${header}.${payload}`, unnamed, none, ''])
    assert.ok([400, 401].includes((await client.resource(token, {}, { headers: { dpop } })).status), dpop)
  const sendBoth = client.party.server.client().request('GET', client.resourcePath, {
    headers: { authorization: `DPoP ${token}`, dpop: `${proof}, ${proof}` },
  })
  assert.ok([400, 401].includes((await sendBoth).status), 'two of them')
  const twice = { claims: { jti: unique('twice') } }
  assert.equal((await client.resource(token, twice)).status, 200)
  assert.equal((await client.resource(token, twice)).status, 401, 'a second time')
  for (const scheme of ['Bearer', 'bearer']) {
    const answer = await client.party.server
      .client()
      .request('GET', client.resourcePath, { headers: { authorization: `${scheme} ${token}` } })
    assert.equal(answer.status, 401, 'as a bearer token')
  }
  const written: Record<string, Change> = {
    'with more claims than are known': { claims: { more: 'of it' }, header: { x: 'y' } },
    'with all that is to say of its key': { header: { jwk: { ...client.dpop.jwk, alg } } },
    'with query and fragment': { claims: { htu: `${htu}?query=1#fragment` } },
    'in capitals': { claims: { htu: htu.replace(`https://${HOST}`, `HTTPS://${HOST.toUpperCase()}`) } },
    'with the usual port': { claims: { htu: htu.replace(HOST, `${HOST}:443`) } },
  }
  for (const [what, change] of Object.entries(written)) assert.equal((await client.resource(token, change)).status, 200, what)
  assert.equal((await client.resource(token, {}, { query: '?a=b' })).status, 200, 'nor does a query of the request matter')
  assert.equal((await client.resource(token)).status, 200, 'and the token is still good')
}
