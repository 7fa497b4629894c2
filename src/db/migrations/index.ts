import type { Migration } from '../migrate.ts'
import { up as core } from './20261122T0100_core.ts'
import { up as access } from './20261122T0200_access.ts'
import { up as flowToken } from './20261122T0210_flow_token.ts'
import { up as oauth2 } from './20261122T0300_oauth2.ts'
import { up as tasks } from './20261122T0400_tasks.ts'
import { up as blueprints } from './20261122T0500_blueprints.ts'
import { up as impersonation } from './20261122T0600_impersonation.ts'
import { up as userSearch } from './20261122T0610_user_search.ts'
import { up as expressionPolicy } from './20261122T0700_expression_policy.ts'
import { up as invitationMail } from './20261122T0700_invitation_mail.ts'
import { up as authenticators } from './20261122T0800_authenticators.ts'
import { up as authenticatorCodes } from './20261122T0801_authenticator_codes.ts'
import { up as webauthn } from './20261122T0810_webauthn.ts'
import { up as passkeySignIn } from './20261122T0811_passkey_sign_in.ts'
import { up as sentCodes } from './20261122T0820_sent_codes.ts'
import { up as eventMatcher } from './20261122T0830_event_matcher.ts'
import { up as policies } from './20261122T0831_policies.ts'
import { up as passwordAttempt } from './20261122T0832_password_attempt.ts'
import { up as explanation } from './20261122T0840_explanation.ts'
import { up as notifications } from './20261122T0850_notifications.ts'
import { up as invitationRecord } from './20261122T0851_invitation_record.ts'
import { up as notificationMail } from './20261122T0852_notification_mail.ts'
import { up as captcha } from './20261122T0860_captcha.ts'
import { up as clientMetadata } from './20261122T0900_client_metadata.ts'
import { up as deviceCode } from './20261122T0910_device_code.ts'
import { up as replay } from './20261122T0930_replay.ts'
import { up as dpop } from './20261122T0940_dpop.ts'
import { up as pushedRequest } from './20261122T0950_pushed_request.ts'
import { up as logoutNotice } from './20261122T0960_logout_notice.ts'
import { up as sources } from './20261122T1001_sources.ts'
import { up as oauthSource } from './20261122T1002_oauth_source.ts'
import { up as sourceSignIn } from './20261122T1010_source_sign_in.ts'
import { up as sourceStage } from './20261122T1011_source_stage.ts'
import { up as ldapSource } from './20261122T1100_ldap_source.ts'
import { up as schedules } from './20261122T1101_schedules.ts'
import { up as authorization } from './20261122T1200_authorization.ts'
import { up as signing } from './20261122T1300_signing.ts'
import { up as registration } from './20261122T1301_registration.ts'
import { up as tokenExchange } from './20261122T1302_token_exchange.ts'
import { up as securityProfile } from './20261122T1303_security_profile.ts'
import { up as frontchannelLogout } from './20261122T1400_frontchannel_logout.ts'
import { up as applicationEntitlement } from './20261122T1401_application_entitlement.ts'
import { up as authorizationResponse } from './20261122T1500_authorization_response.ts'
import { up as deviceDeclined } from './20261122T1510_device_declined.ts'
import { up as tokensOfSessions } from './20261122T1540_tokens_of_sessions.ts'
import { up as tokensByFamily } from './20261122T1550_tokens_by_family.ts'
import { up as pushedFrom } from './20261122T1560_pushed_from.ts'
import { up as logoutSession } from './20261122T1561_logout_session.ts'
import { up as verifiedClient } from './20261122T1562_verified_client.ts'
import { up as applicationNames } from './20261122T1570_application_names.ts'
import { up as accessLists } from './20261122T1600_access_lists.ts'
import { up as earlierTokens } from './20261122T1640_earlier_tokens.ts'
import { up as initialPermissions } from './20261122T1650_initial_permissions.ts'
import { up as registrantGone } from './20261122T1690_registrant_gone.ts'

/** All migrations, oldest first. Listed by hand: the program is bundled into one file, where there is no folder to read. */
export const migrations: readonly Migration[] = [
  { name: '20261122T0100_core', up: core },
  { name: '20261122T0200_access', up: access },
  { name: '20261122T0210_flow_token', up: flowToken },
  { name: '20261122T0300_oauth2', up: oauth2 },
  { name: '20261122T0400_tasks', up: tasks },
  { name: '20261122T0500_blueprints', up: blueprints },
  { name: '20261122T0600_impersonation', up: impersonation },
  { name: '20261122T0610_user_search', up: userSearch },
  { name: '20261122T0700_expression_policy', up: expressionPolicy },
  { name: '20261122T0700_invitation_mail', up: invitationMail },
  { name: '20261122T0800_authenticators', up: authenticators },
  { name: '20261122T0801_authenticator_codes', up: authenticatorCodes },
  { name: '20261122T0810_webauthn', up: webauthn },
  { name: '20261122T0811_passkey_sign_in', up: passkeySignIn },
  { name: '20261122T0820_sent_codes', up: sentCodes },
  { name: '20261122T0830_event_matcher', up: eventMatcher },
  { name: '20261122T0831_policies', up: policies },
  { name: '20261122T0832_password_attempt', up: passwordAttempt },
  { name: '20261122T0840_explanation', up: explanation },
  { name: '20261122T0850_notifications', up: notifications },
  { name: '20261122T0851_invitation_record', up: invitationRecord },
  { name: '20261122T0852_notification_mail', up: notificationMail },
  { name: '20261122T0860_captcha', up: captcha },
  { name: '20261122T0900_client_metadata', up: clientMetadata },
  { name: '20261122T0910_device_code', up: deviceCode },
  { name: '20261122T0930_replay', up: replay },
  { name: '20261122T0940_dpop', up: dpop },
  { name: '20261122T0950_pushed_request', up: pushedRequest },
  { name: '20261122T0960_logout_notice', up: logoutNotice },
  { name: '20261122T1001_sources', up: sources },
  { name: '20261122T1002_oauth_source', up: oauthSource },
  { name: '20261122T1010_source_sign_in', up: sourceSignIn },
  { name: '20261122T1011_source_stage', up: sourceStage },
  { name: '20261122T1100_ldap_source', up: ldapSource },
  { name: '20261122T1101_schedules', up: schedules },
  { name: '20261122T1200_authorization', up: authorization },
  { name: '20261122T1300_signing', up: signing },
  { name: '20261122T1301_registration', up: registration },
  { name: '20261122T1302_token_exchange', up: tokenExchange },
  { name: '20261122T1303_security_profile', up: securityProfile },
  { name: '20261122T1400_frontchannel_logout', up: frontchannelLogout },
  { name: '20261122T1401_application_entitlement', up: applicationEntitlement },
  { name: '20261122T1500_authorization_response', up: authorizationResponse },
  { name: '20261122T1510_device_declined', up: deviceDeclined },
  { name: '20261122T1540_tokens_of_sessions', up: tokensOfSessions },
  { name: '20261122T1550_tokens_by_family', up: tokensByFamily },
  { name: '20261122T1560_pushed_from', up: pushedFrom },
  { name: '20261122T1561_logout_session', up: logoutSession },
  { name: '20261122T1562_verified_client', up: verifiedClient },
  { name: '20261122T1570_application_names', up: applicationNames },
  { name: '20261122T1600_access_lists', up: accessLists },
  { name: '20261122T1640_earlier_tokens', up: earlierTokens },
  { name: '20261122T1650_initial_permissions', up: initialPermissions },
  { name: '20261122T1690_registrant_gone', up: registrantGone },
]
