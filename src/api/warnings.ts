import type { Ctx, RequestInfo } from '../context.ts'

const given = new WeakMap<RequestInfo, string[]>()
/** Servers in between bound the length of header fields. */
const MAX_LENGTH = 1_000

/** Says something that does not hinder the request but should be known to whoever sent it: in the log, and in the answer's field `X-Signet-Warning`. */
export function warn(ctx: Ctx, text: string, facts: Record<string, unknown> = {}): void {
  ctx.log.warn(facts, text)
  if (ctx.request === null) return
  given.set(ctx.request, [...(given.get(ctx.request) ?? []), text])
}

/** The value of the field for the answer to a request; undefined when there is nothing to say. */
export const warningsHeader = ({ request }: Pick<Ctx, 'request'>): string | undefined =>
  request === null
    ? undefined
    : given
        .get(request)
        ?.join('; ')
        .replaceAll(/[^\x20-\x7e]/g, '?')
        .slice(0, MAX_LENGTH)
