/** The modules of the FAPI 2.0 plans, by their official names, for the profile `plain_fapi`. */
import { ASSERTIONS } from './fapi-assertions.ts'
import { BOUND } from './fapi-bound.ts'
import { DISCOVERY } from './fapi-metadata.ts'
import type { FapiModule } from './fapi-module.ts'
import { PUSHED } from './fapi-pushed.ts'
import { SIGN_IN } from './fapi-sign-in.ts'

/** What every client of the profile keeps. */
export const SECURITY_PROFILE: Readonly<Record<string, FapiModule>> = { ...DISCOVERY, ...SIGN_IN, ...BOUND, ...ASSERTIONS, ...PUSHED }
