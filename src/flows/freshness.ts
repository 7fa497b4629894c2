import type { Row } from '../api/model.ts'
import type { Plan } from './plan.ts'

/** How fresh a sign-in must be for whoever waits for it, as OIDC Core §3.1.2.1 has it. */
export type Freshness = {
  /** People are to be asked now, whatever they are signed in to (`prompt=login`). */
  again: boolean
  /** Otherwise they may have been asked this long ago; null: at any time. Seconds. */
  maxAge: number | null
}

/** Under which the context of a plan that signs somebody in says so. */
const FRESH = 'signet/fresh'

/** What goes into the context of such a plan; nothing where any sign-in will do. */
export const freshContext = ({ again, maxAge }: Freshness): Row => (again || maxAge !== null ? { [FRESH]: { again, maxAge } } : {})

/** How fresh a sign-in the end of a plan wants; undefined: any will do. */
export const freshnessOf = (plan: Plan | undefined): Freshness | undefined => plan?.context[FRESH] as Freshness | undefined
