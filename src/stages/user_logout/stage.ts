import { signOut } from '../../flows/sign-in.ts'
import { defineStage, next } from '../../flows/stage.ts'
import { UserLogoutStage } from './model.ts'

export const userLogout = defineStage({
  model: UserLogoutStage,
  async challenge(run) {
    await signOut(run)
    return next()
  },
})
