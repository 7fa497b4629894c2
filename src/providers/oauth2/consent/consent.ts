import type { Row } from '../../../api/model.ts'
import type { Ctx } from '../../../context.ts'
import { statement } from '../../../db/statement.ts'

/** What a grant remembers of the consent it stands on. */
export type ConsentFacts = { consented: boolean; consent_until: Date | null }

const consentsOf = (ctx: Ctx, application: Row, user: Row) => consents.all(ctx.db, user.id as number, application.pbm_uuid as string)

const consents = statement((db, user: number, application: string) =>
  db
    .selectFrom('user_consent')
    .select(['permissions', 'expires', 'expiring'])
    .where('user', '=', user)
    .where('application', '=', application),
)

const covers = (permissions: string, scopes: readonly string[]): boolean => {
  const given = new Set(permissions.split(' '))
  return scopes.every(scope => given.has(scope))
}

/** Whether a stored consent stands behind what is being granted, and until when. */
export async function consentBehind(ctx: Ctx, application: Row, user: Row, scopes: readonly string[]): Promise<ConsentFacts> {
  const now = ctx.now()
  const consent = (await consentsOf(ctx, application, user)).find(
    ({ permissions, expiring, expires }) => covers(permissions, scopes) && !(expiring && expires !== null && expires <= now),
  )
  return { consented: consent !== undefined, consent_until: consent?.expiring ? consent.expires : null }
}

/**
 * Whether the consent behind a grant was not withdrawn. One that ran out by itself is not withdrawn: it is asked for again at the
 * next sign-in, and until then offline access goes on.
 */
export async function consentStands(ctx: Ctx, application: Row, user: Row, grant: ConsentFacts): Promise<boolean> {
  if (!grant.consented || (grant.consent_until !== null && grant.consent_until <= ctx.now())) return true
  return (await consentsOf(ctx, application, user)).length > 0
}
