import { hash } from 'node:crypto'
import type { Row } from '../../../api/model.ts'
import { userUid } from '../../../core/user/uid.ts'
import type { Deps } from '../../../deps.ts'

/** How a client's people are named: the mode of its provider, and the sector that pairwise names are made for. */
export type Naming = { subMode: string; sector: string | undefined }

/**
 * The `sub` of a user for a client. It must never change for an account, so nothing here may. For a client that wants pairwise names
 * (OIDC Core §8.1) it is a hash that another sector cannot tell the account by.
 */
export function subjectOf(deps: Pick<Deps, 'installId'>, { subMode, sector }: Naming, user: Row): string {
  const name = publicSubject(deps, subMode, user)
  return sector === undefined ? name : hash('sha256', JSON.stringify([sector, name, deps.installId]))
}

function publicSubject(deps: Pick<Deps, 'installId'>, mode: string, user: Row): string {
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
