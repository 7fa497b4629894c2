import assert from 'node:assert/strict'
import { test } from 'node:test'
import { connect, createSecureContext, type ConnectionOptions, type TLSSocket } from 'node:tls'
import { certified } from '../../test/certificates.ts'
import { server } from '../../test/harness.ts'
import { openSockets } from './sockets.ts'
import { TLS } from './tls.ts'

/** The suite that a handshake ends with; undefined: it fails. */
const agreed = (port: number, options: ConnectionOptions): Promise<string | undefined> =>
  new Promise(resolve => {
    const socket: TLSSocket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false, ...options }, () => {
      resolve(socket.getCipher().standardName)
      socket.destroy()
    })
    socket.once('error', () => resolve(undefined))
  })

test('TLS is spoken as RFC 9325 wants it, with every certificate', async t => {
  const { deps } = await server()
  const pair = () => {
    const { certificate: cert, key } = certified({ commonName: 'localhost' })
    return { cert, key }
  }
  const listen = { ...deps.config.listen, http: [], https: [{ host: '127.0.0.1', port: 0 }] }
  const sockets = await openSockets({ ...deps.config, listen }, pair(), (_request, response) => void response.end())
  t.after(() => sockets.close(100))
  const { port } = sockets.addresses[0]!
  for (const servername of ['', '', 'one.example.test']) {
    assert.match(String(await agreed(port, { servername })), /^TLS_(?:AES|CHACHA20)/, 'TLS 1.3 where both can')
    const old = { maxVersion: 'TLSv1.2', servername } as const
    assert.equal(await agreed(port, { ...old, ciphers: 'ECDHE-ECDSA-AES256-GCM-SHA384' }), 'TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384')
    for (const ciphers of ['ECDHE-ECDSA-AES128-SHA256', 'ECDHE-ECDSA-AES256-SHA', 'ECDHE-ECDSA-CHACHA20-POLY1305'])
      assert.equal(await agreed(port, { ...old, ciphers }), undefined, ciphers)
    const older = { servername, minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const
    assert.equal(await agreed(port, older), undefined, 'nothing older')
    const context = createSecureContext({ ...TLS, ...pair() })
    sockets.setCertificates({ usual: pair(), named: host => (host === 'one.example.test' ? context : undefined) })
  }
})
