import type { Selectable } from 'kysely'
import type { DB, Db } from '../../../db/database.ts'
import type { PlannedWrite } from '../../../db/planned-write.ts'
import { statement } from '../../../db/statement.ts'

type Lists = { scope: string[]; amr: string[] }
export type DeviceRow = Omit<Selectable<DB['oauth2_device_code']>, keyof Lists> & Lists

/** What letting a device in leaves in its row. */
export type Approval = {
  user: number
  session_hash: string
  sid: string | null
  auth_time: Date | null
  amr: string
  consented: boolean
  consent_until: Date | null
}

export const findDevice = async (db: Db, hash: string): Promise<DeviceRow | undefined> =>
  (await db.selectFrom('oauth2_device_code').selectAll().where('device_code_hash', '=', hash).executeTakeFirst()) as DeviceRow | undefined

/** The device that shows this code and still waits. */
export const findWaiting = async (db: Db, userCode: string, now: Date): Promise<DeviceRow | undefined> =>
  (await db
    .selectFrom('oauth2_device_code')
    .selectAll()
    .where('user_code', '=', userCode)
    .where('expires', '>', now)
    .where('user', 'is', null)
    .where('declined_at', 'is', null)
    .executeTakeFirst()) as DeviceRow | undefined

/** Decides about a device that waits: true for the one decision that came first; nothing changes for all others, or when its time is over. */
const decide = async (db: Db, id: number, decision: Approval | { declined_at: Date }, now: Date): Promise<boolean> =>
  (await db
    .updateTable('oauth2_device_code')
    .set(decision)
    .where('id', '=', id)
    .where('user', 'is', null)
    .where('declined_at', 'is', null)
    .where('expires', '>', now)
    .returning('id')
    .executeTakeFirst()) !== undefined

/** Lets the device in; false when somebody decided before. */
export const approve = (db: Db, id: number, approval: Approval, now: Date): Promise<boolean> => decide(db, id, approval, now)

/** Keeps the device out for good; false when somebody decided before. */
export const decline = (db: Db, id: number, now: Date): Promise<boolean> => decide(db, id, { declined_at: now }, now)

/** Notes that the device asked; one that asks too often has to wait longer from then on (RFC 8628 §3.5). */
export const noteQuestion = async (db: Db, device: DeviceRow, now: Date, tooSoon: boolean): Promise<void> => {
  await db
    .updateTable('oauth2_device_code')
    .set({ asked_at: now, ...(tooSoon && { interval: device.interval + 5 }) })
    .where('id', '=', device.id)
    .execute()
}

const unspentDevice = statement((db, hash: string, now: Date, used: Date) =>
  db
    .updateTable('oauth2_device_code')
    .set({ used_at: used })
    .where('device_code_hash', '=', hash)
    .where('user', 'is not', null)
    .where('used_at', 'is', null)
    .where('expires', '>', now)
    .returning('id'),
)

/** Spends an approved device code: one winner, as with authorization codes. */
export const spendDevice = (hash: string, now: Date): PlannedWrite => unspentDevice.planned(hash, now, now)
