import type { Row } from '../../api/model.ts'
import { userUid } from '../../core/uid.ts'
import type { Deps } from '../../deps.ts'

/** The `sub` of a user for a client's mode. It must never change for an account, so nothing here may. */
export function subjectOf(deps: Pick<Deps, 'installId'>, mode: string, user: Row): string {
  switch (mode) {
    case 'user_id':
      return String(user.id)
    case 'user_uuid':
      return String(user.uuid)
    case 'user_username':
      return String(user.username)
    case 'user_email':
      return String(user.email)
    case 'user_upn': {
      const upn = (user.attributes as Row | null)?.upn
      return typeof upn === 'string' && upn !== '' ? upn : userUid(deps, user.id as number)
    }
    default:
      return userUid(deps, user.id as number)
  }
}
