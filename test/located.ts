import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ownServer, type TestServer } from './harness.ts'
import { CITIES, NETWORKS } from './mmdb.ts'

let made: Promise<TestServer> | undefined

/** A server that knows where addresses are; one a process. Ask for it inside a test. */
export const located = (): Promise<TestServer> => (made ??= make())

function make(): Promise<TestServer> {
  const folder = mkdtempSync(join(tmpdir(), 'signet-located-'))
  process.once('exit', () => rmSync(folder, { recursive: true }))
  writeFileSync(join(folder, 'city.mmdb'), CITIES)
  writeFileSync(join(folder, 'asn.mmdb'), NETWORKS)
  return ownServer({
    AUTHENTIK_EVENTS__CONTEXT_PROCESSORS__GEOIP: join(folder, 'city.mmdb'),
    AUTHENTIK_EVENTS__CONTEXT_PROCESSORS__ASN: join(folder, 'asn.mmdb'),
  })
}
