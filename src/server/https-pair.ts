import { X509Certificate } from 'node:crypto'
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import type { Logger } from 'pino'
import type { Config } from '../config.ts'
import { generateKeypair } from '../crypto/self-signed.ts'

export type PemPair = { cert: string; key: string }

const DAY = 86_400_000 // ms

/**
 * The certificate that HTTPS is served with until the database says another: the one kept in the data directory, so that a browser's
 * exception survives a restart; made when there is none or it ends within a day. Without a directory to write to it lives in memory.
 */
export async function httpsPair({
  config,
  log,
  now,
}: {
  config: Pick<Config, 'data_dir'>
  log: Logger
  now: () => Date
}): Promise<PemPair> {
  const file = pairFile(config.data_dir)
  const kept = await read(file)
  if (kept && isFresh(kept, now())) return kept
  const names = [...new Set(['localhost', '127.0.0.1', '::1', ...(/^[\w.-]+$/.test(hostname()) ? [hostname()] : [])])]
  const { certificate: cert, key } = await generateKeypair(
    { commonName: 'Signet', alternativeNames: names, validityDays: 365, algorithm: 'ecdsa' },
    { now },
  )
  const pair = { cert, key }
  try {
    await keepPair(config.data_dir, pair)
  } catch (error) {
    log.warn({ err: error, file }, 'the certificate for HTTPS cannot be kept; the next start makes another one')
  }
  return pair
}

/** Stores the pair in the data directory, readable by the owner alone. */
export async function keepPair(folder: string, { cert, key }: PemPair): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const file = pairFile(folder)
  const draft = `${file}.${process.pid}`
  await rm(draft, { force: true })
  await writeFile(draft, cert + key, { mode: 0o600, flag: 'wx' })
  await rename(draft, file)
}

const pairFile = (folder: string) => join(folder, 'https.pem')

async function read(file: string): Promise<PemPair | undefined> {
  try {
    const text = await readFile(file, 'utf8')
    const [cert] = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n/.exec(text) ?? []
    const [key] = /-----BEGIN PRIVATE KEY-----[^-]+-----END PRIVATE KEY-----\n/.exec(text) ?? []
    return cert !== undefined && key !== undefined ? { cert, key } : undefined
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'EACCES'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined
    throw error
  }
}

/** Whether the certificate can be read and is good for another day. */
export function isFresh({ cert }: PemPair, now: Date): boolean {
  try {
    return new X509Certificate(cert).validToDate.getTime() > now.getTime() + DAY
  } catch {
    return false // a file that somebody has damaged is replaced
  }
}
