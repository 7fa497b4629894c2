import { Type } from 'typebox'
import { crud } from '../api/crud.ts'
import { createObject, eventModel, objectAt } from '../api/objects.ts'
import { presentObject } from '../api/present.ts'
import { invalid, type FieldErrors } from '../api/errors.ts'
import { computed, hidden, instant, sealed, shown, text } from '../api/fields.ts'
import { parseFlag } from '../api/filters.ts'
import { defineModel, type Model, type Row } from '../api/model.ts'
import type { Resource, SpecialOperation } from '../api/mount.ts'
import { requireObject, requirePermission } from '../api/permissions.ts'
import { body, checked } from '../api/validate.ts'
import type { Ctx } from '../context.ts'
import { recordEvent } from '../events/record.ts'
import { sql } from 'kysely'
import { KeypairError, keyId, keyMatches, loadPrivateKey, parseCertificate } from './keypair.ts'
import { generateKeypair, KEY_ALGORITHMS, type KeyAlgorithm } from './self-signed.ts'

/** A certificate, with or without its private key. The key leaves only through `view_private_key`. */
export const CertificateKeyPair: Model = defineModel({
  name: 'CertificateKeyPair',
  label: 'authentik_crypto.certificatekeypair',
  verboseName: 'Certificate-Key Pair',
  uniqueName: 'certificate-key pair',
  table: 'keypair',
  pk: 'kp_uuid',
  fields: {
    name: text({ unique: true }),
    certificate_data: hidden(text()),
    key_data: hidden(sealed(text({ default: '' }))),
    fingerprint_sha256: shown(text()),
    fingerprint_sha1: shown(text()),
    cert_expiry: instant({ readOnly: true }),
    cert_subject: shown(text()),
    private_key_available: computed(Type.Boolean()),
    key_type: shown(text({ blank: true })),
    kid: { ...shown(text()), writeOnly: true },
    certificate_download_url: computed(Type.String()),
    private_key_download_url: computed(Type.String()),
    managed: shown(text({ nullable: true }), () => null),
  },
  filters: {
    name: {},
    managed: {},
    has_key: {
      type: 'boolean',
      apply: (_, values) => (parseFlag(values[0]) === false ? sql<boolean>`keypair.kid = ''` : sql<boolean>`keypair.kid != ''`),
    },
    key_type: { many: true, apply: (_, values) => keyTypeFilter(values) },
  },
  search: ['name'],
  ordering: ['name'],
  present: (_, rows) =>
    rows.map(row => ({
      key_type: row.key_type === '' ? null : row.key_type,
      private_key_available: row.kid !== '',
      certificate_download_url: `/api/v3/crypto/certificatekeypairs/${String(row.kp_uuid)}/view_certificate/?download`,
      private_key_download_url: `/api/v3/crypto/certificatekeypairs/${String(row.kp_uuid)}/view_private_key/?download`,
    })),
})

const KEY_TYPES: readonly string[] = ['rsa', 'ec', 'dsa', 'ed25519', 'ed448']

function keyTypeFilter(values: string[]) {
  const wrong = values.find(value => !KEY_TYPES.includes(value))
  if (wrong !== undefined) throw invalid({ key_type: [`Select a valid choice. ${wrong} is not one of the available choices.`] })
  return sql<boolean>`keypair.key_type in (${sql.join(values)})`
}

/** What cannot be read of a pair, by the field that it came in. */
function unreadable(certificate: string, key: string): FieldErrors {
  const errors: FieldErrors = {}
  for (const [name, read] of [
    ['certificate_data', () => parseCertificate(certificate)],
    ['key_data', () => key !== '' && loadPrivateKey(key)],
  ] as const) {
    try {
      read()
    } catch (error) {
      if (!(error instanceof KeypairError)) throw error
      errors[name] = [error.message]
    }
  }
  return errors
}

/** Reads what the certificate says, and refuses one that cannot be read or a key that is not its own. */
function describe(values: Row, current?: Row): Row {
  const certificate = (values.certificate_data ?? current?.certificate_data) as string
  const key = (values.key_data ?? current?.key_data ?? '') as string
  const errors = unreadable(certificate, key)
  if (Object.keys(errors).length > 0) throw invalid(errors)
  const parsed = parseCertificate(certificate)
  const out: Row = {
    ...values,
    fingerprint_sha256: parsed.fingerprintSha256,
    fingerprint_sha1: parsed.fingerprintSha1,
    cert_expiry: parsed.notAfter,
    cert_subject: parsed.subject,
    key_type: parsed.keyType ?? '',
    kid: '',
  }
  if (key !== '') {
    if (!keyMatches(certificate, key)) throw invalid({ key_data: ['The private key does not belong to the certificate.'] })
    out.kid = keyId(key)
  }
  return out
}

const clean = (_: Ctx, values: Row, current?: Row): Row =>
  current && !('certificate_data' in values) && !('key_data' in values) ? values : describe(values, current)

/** Whoever uses the key hears of it, and may object: what was signed with the old one goes on being good. */
async function replaced(ctx: Ctx, keypair: Row, next?: Row): Promise<void> {
  for (const hear of ctx.registry.keypairUsers) await hear(ctx, keypair, next)
}

export const keypairs: Resource = {
  path: '/crypto/certificatekeypairs',
  model: CertificateKeyPair,
  operations: crud(CertificateKeyPair, {
    clean,
    saved: async (ctx, keypair, previous) => {
      if (previous && previous.kid !== keypair.kid) await replaced(ctx, previous, keypair)
    },
    removing: (ctx, keypair) => replaced(ctx, keypair),
  }),
}

/** Makes a self-signed pair. The slow part runs before any transaction. */
export async function generate(
  ctx: Ctx,
  options: { name: string; alternativeNames?: string[]; validityDays: number; algorithm?: KeyAlgorithm; managed?: string },
): Promise<Row> {
  const { name: commonName, alternativeNames = [], validityDays, algorithm = 'rsa' } = options
  const pair = await generateKeypair({ commonName, alternativeNames, validityDays, algorithm }, { now: ctx.now, random: ctx.randomBytes })
  return createObject(
    ctx,
    CertificateKeyPair,
    describe({ name: options.name, certificate_data: pair.certificate, key_data: pair.key, managed: options.managed ?? null }),
  )
}

const GenerateBody = body(
  {
    common_name: Type.String({ minLength: 1 }),
    subject_alt_name: Type.String(),
    validity_days: Type.Integer({ minimum: 1, maximum: 36_500 }),
    alg: Type.Unsafe({ type: 'string', enum: [...KEY_ALGORITHMS] }),
  },
  ['subject_alt_name', 'alg'],
)

/** Shows one half of a pair as JSON, or as a file with `?download`; looking at it leaves an event. */
function view(half: 'certificate' | 'private_key'): SpecialOperation {
  const column = half === 'certificate' ? 'certificate_data' : 'key_data'
  return {
    response: 'CertificateData',
    query: { download: { type: 'boolean' } },
    handler: async (ctx, request, reply) => {
      const row = await objectAt(ctx, CertificateKeyPair, (request.params as { pk: string }).pk)
      await requireObject(
        ctx,
        CertificateKeyPair,
        row.kp_uuid as string,
        `authentik_crypto.view_certificatekeypair_${half === 'certificate' ? 'certificate' : 'key'}`,
      )
      await recordEvent(ctx, 'secret_view', { secret: eventModel(CertificateKeyPair, row), type: half })
      const data = row[column] as string
      if ((request.query as Row).download === undefined) return { data }
      const name = String(row.name).replaceAll(/[^\w .-]/g, '_')
      return reply.header('content-disposition', `attachment; filename="${name}_${half}.pem"`).type('application/x-pem-file').send(data)
    },
  }
}

export const keypairRoutes: Record<string, SpecialOperation> = {
  'POST /crypto/certificatekeypairs/generate/': {
    body: GenerateBody,
    bodyName: 'CertificateGenerationRequest',
    response: 'CertificateKeyPair',
    handler: async (ctx, request) => {
      requirePermission(ctx, 'authentik_crypto.add_certificatekeypair')
      const sent = checked<{ common_name: string; subject_alt_name?: string; validity_days: number; alg?: KeyAlgorithm }>(
        GenerateBody,
        request.body,
      )
      if (sent.common_name.length > 64) throw invalid({ common_name: ['Ensure this field has no more than 64 characters.'] })
      const alternativeNames = (sent.subject_alt_name ?? '')
        .split(',')
        .map(name => name.trim())
        .filter(Boolean)
      const row = await generate(ctx, { name: sent.common_name, alternativeNames, validityDays: sent.validity_days, algorithm: sent.alg })
      return presentObject(ctx, CertificateKeyPair, row)
    },
  },
  'GET /crypto/certificatekeypairs/:pk/view_certificate/': view('certificate'),
  'GET /crypto/certificatekeypairs/:pk/view_private_key/': view('private_key'),
}
