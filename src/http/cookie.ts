import type { Ctx } from '../context.ts'

/** A cookie of the request that is being answered; the first where a name is sent twice (RFC 6265 §5.4: the most specific path). */
export function cookieOf(ctx: Ctx, name: string): string | undefined {
  const header = ctx.request?.headers.cookie
  const found =
    typeof header === 'string'
      ? header
          .split(';')
          .map(pair => pair.trim())
          .find(pair => pair.startsWith(`${name}=`))
      : undefined
  return found?.slice(name.length + 1).replaceAll(/^"|"$/g, '')
}
