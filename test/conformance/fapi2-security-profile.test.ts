/** `fapi2-security-profile-final-test-plan`: plain_fapi, private_key_jwt, DPoP, OpenID Connect. */
import { SECURITY_PROFILE } from './fapi-modules.ts'
import { fapiProfile } from './fapi-profile.ts'

fapiProfile(SECURITY_PROFILE, { signed: false, jarm: false }, 'unsigned')
