import { createHash } from 'node:crypto'
import type { Ctx } from '../../context.ts'
import { outgoingOf } from '../../http/outgoing/client.ts'
import { OutgoingError } from '../../http/outgoing/error.ts'
import { PolicyFailure } from '../kind.ts'

const TIMEOUT = 10_000 // ms

/**
 * How often a password stands in the lists of the leaked-password service. The service is told the first five hex digits of the SHA-1
 * and answers with all hashes that begin so, padded to hide how many there are.
 * @throws PolicyFailure when the service does not answer
 */
export async function timesLeaked(ctx: Ctx, password: string): Promise<number> {
  const hash = createHash('sha1').update(password).digest('hex').toUpperCase()
  const url = `${ctx.config.leaked_passwords_url}/${hash.slice(0, 5)}`
  const answer = await outgoingOf(ctx.config)(url, { headers: { 'add-padding': 'true' }, timeout: TIMEOUT }).catch((error: unknown) => {
    if (error instanceof OutgoingError) throw new PolicyFailure('The list of leaked passwords cannot be asked.', { cause: error })
    throw error
  })
  if (answer.status !== 200) throw new PolicyFailure(`The list of leaked passwords answers with status ${answer.status}.`)
  for (const line of Buffer.from(answer.body).toString().split(/\r?\n/)) {
    const [suffix = '', times] = line.split(':')
    if (suffix.toUpperCase() === hash.slice(5)) return Number(times) || 0
  }
  return 0
}
