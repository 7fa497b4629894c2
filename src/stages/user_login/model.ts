import { choice, duration, flag } from '../../api/fields.ts'
import { warnOfShortSessions } from '../../sources/session-warning.ts'
import { defineStageModel, stageResource } from '../model.ts'

/** Signs the pending user in. */
export const UserLoginStage = defineStageModel({
  name: 'UserLoginStage',
  label: 'authentik_stages_user_login.userloginstage',
  verboseName: 'User Login Stage',
  description: 'Log in the pending user.',
  component: 'ak-stage-user-login-form',
  table: 'stage_user_login',
  fields: {
    session_duration: duration('seconds=0'),
    terminate_other_sessions: flag(false),
    remember_me_offset: duration('seconds=0'),
    network_binding: choice(['no_binding', 'bind_asn', 'bind_asn_network', 'bind_asn_network_ip'], 'no_binding'),
    geoip_binding: choice(['no_binding', 'bind_continent', 'bind_continent_country', 'bind_continent_country_city'], 'no_binding'),
    remember_device: duration('days=30'),
  },
  filters: [
    'geoip_binding',
    'network_binding',
    'remember_device',
    'remember_me_offset',
    'session_duration',
    'stage_uuid',
    'terminate_other_sessions',
  ],
})

/** Stages of sources' flows that keep nobody signed in are worth a word. */
export const userLoginStages = stageResource('/stages/user_login', UserLoginStage, {
  saved: (ctx, stage) => warnOfShortSessions(ctx, { stage: stage.stage_uuid as string }),
})
