import type { MemoryStageKind } from '../../flows/stage.ts'
import { askAgainStage } from './authorization-flow.ts'
import { confirmLogoutStage, oauthPartEndStage, oauthSessionEndStage } from './end-session.ts'
import { enterCodeStage, letInStage } from './device/stages.ts'
import { fulfilStage } from './fulfil.ts'
import { stepUpStage } from './step-up.ts'
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
