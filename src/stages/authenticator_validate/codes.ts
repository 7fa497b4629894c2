import { forgiveCode, mayTryCode } from '../../authenticators/attempts.ts'
import { noteUse } from '../../authenticators/device.ts'
import { devicesOf, type DeviceKind } from '../../authenticators/kind.ts'
import { giveTurnBack, takeTurn } from '../../authenticators/throttle.ts'
import type { Row } from '../../api/model.ts'
import { transact, type Ctx } from '../../context.ts'

/** A device that had its turn and did not refuse. */
type Asked = { kind: DeviceKind; device: Row }

const factorOf = (stage: Row, { deviceClass }: DeviceKind): number => Number(stage[`${deviceClass}_otp_throttling_factor`] ?? 0)

/** Thrown within the transaction that spends a code: the device is gone meanwhile, and the code stays as it was. */
class DeviceGone extends Error {}

/** Whether a device accepts a code, which is then spent, and the use noted. */
async function accepts(ctx: Ctx, { kind, device }: Asked, code: string): Promise<boolean> {
  try {
    return await transact(ctx, async ctx => {
      if (!(await kind.verifyCode!(ctx, device, code))) return false
      if (!(await noteUse(ctx, device))) throw new DeviceGone()
      return true
    })
  } catch (error) {
    if (error instanceof DeviceGone) return false
    throw error
  }
}

/**
 * The device of a person that accepts a code. All devices with codes of these kinds are asked, not only the one that was chosen. Counts attempts before it
 * looks: of the account, of the address, and of each device.
 */
export async function proveByCode(ctx: Ctx, stage: Row, kinds: readonly DeviceKind[], user: Row, code: string): Promise<Row | undefined> {
  const account = user.id as number
  if (!(await mayTryCode(ctx, account))) return undefined
  const asked: Asked[] = []
  for (const kind of kinds) {
    if (!kind.verifyCode) continue
    for (const device of await devicesOf(ctx, kind, account)) {
      if (kind.passedOver?.(device, stage)) continue
      if (!(await takeTurn(ctx, device, factorOf(stage, kind)))) continue
      asked.push({ kind, device })
      if (!(await accepts(ctx, asked.at(-1)!, code))) continue
      for (const other of asked.slice(0, -1)) await giveTurnBack(ctx, other.device)
      await forgiveCode(ctx, account)
      return device
    }
  }
  // Nothing was looked at, so nothing was guessed.
  if (asked.length === 0) await forgiveCode(ctx, account)
  return undefined
}
