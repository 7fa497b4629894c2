import type { MemoryStageKind } from '../../flows/stage.ts'
import { askAgainStage } from './authorize/flow.ts'
import { confirmLogoutStage, oauthPartEndStage, oauthSessionEndStage } from './logout/end-session.ts'
import { enterCodeStage, letInStage } from './device/stages.ts'
import { fulfilStage } from './authorize/fulfil.ts'
import { stepUpStage } from './authorize/step-up.ts'
import { iframeLogoutStage } from './logout/front-channel.ts'

/** The stages that these endpoints put into plans. */
export const oauthMemoryStages: readonly MemoryStageKind[] = [
  fulfilStage,
  askAgainStage,
  stepUpStage,
  confirmLogoutStage,
  oauthPartEndStage,
  oauthSessionEndStage,
  iframeLogoutStage,
  enterCodeStage,
  letInStage,
]
