import { Type } from 'typebox'
import { deviceModel } from '../../authenticators/device.ts'
import { computed, integer, internal, reference, shown, structure, text } from '../../api/fields.ts'
import type { Model, Row } from '../../api/model.ts'
import { findObject } from '../../api/store.ts'
import type { Ctx } from '../../context.ts'
import { typesByKey, UNKNOWN_TYPE, WebAuthnDeviceType } from './device-types.ts'

/** A passkey or security key: its public key, and nothing secret. */
export const WebAuthnDevice: Model = deviceModel({
  name: 'WebAuthnDevice',
  label: 'authentik_stages_authenticator_webauthn.webauthndevice',
  verboseName: 'WebAuthn Device',
  table: 'webauthn_device',
  nameLength: 200,
  fields: {
    created_on: computed(Type.String({ format: 'date-time' })),
    device_type: {
      ...reference(() => WebAuthnDeviceType, { nullable: true, readOnly: true }),
      shown: 'WebAuthnDeviceType',
    },
    aaguid: shown(text(), () => UNKNOWN_TYPE),
    /** Base64url; null in drafts that the API made. */
    credential_id: internal(text({ nullable: true })),
    /** COSE key in CBOR, base64url. */
    public_key: internal(text({ nullable: true })),
    /** As the authenticator last said; 0 for ever where it does not count. */
    sign_count: internal(integer({ default: 0, minimum: 0, maximum: 4294967295 })),
    /** The host that the credential was made for, and works on. */
    rp_id: internal(text({ default: '' })),
    transports: internal(structure(Type.Array(Type.String()), { default: [] })),
  },
  async present(ctx, rows) {
    const types = await typesByKey(
      ctx,
      rows.flatMap(row => (row.device_type === null ? [] : [row.device_type as string])),
    )
    return rows.map(row => ({ created_on: row.created, device_type: types.get(row.device_type as string) ?? null }))
  },
})

/** The device with this credential that can sign somebody in: confirmed, not deleted. */
export async function deviceByCredential(ctx: Ctx, credential: string): Promise<Row | undefined> {
  const device = await findObject(ctx, WebAuthnDevice, credential, 'credential_id')
  return device?.confirmed ? device : undefined
}

/** Whether a list of device types lets this one in; an empty list lets in all. Devices of no known type have an entry of their own. */
export const isAllowed = (types: unknown, type: unknown): boolean =>
  !Array.isArray(types) || types.length === 0 || types.includes(type ?? UNKNOWN_TYPE)
