import { sql } from 'kysely'
import { crud } from '../api/crud.ts'
import { presentObjects } from '../api/present.ts'
import { flag, instant, reference, shown, text } from '../api/fields.ts'
import { defineModel, type Model, type Row } from '../api/model.ts'
import type { Resource } from '../api/mount.ts'
import { findObjects } from '../api/store.ts'
import type { Ctx } from '../context.ts'
import { Application } from './application/model.ts'
import { User } from './people.ts'
import { withdraw } from './withdrawal.ts'

/** That a person agreed to an application's having what it asks for. Deleting it ends what the application has, and makes it ask again. */
export const UserConsent: Model = defineModel({
  name: 'UserConsent',
  label: 'authentik_stages_consent.userconsent',
  verboseName: 'User Consent',
  table: 'user_consent',
  pk: 'id',
  keyType: 'integer',
  display: 'permissions',
  owner: 'user',
  fields: {
    expires: instant({ nullable: true }),
    expiring: flag(true),
    user: { ...reference(() => User, { readOnly: true }), shown: 'User' },
    application: { ...reference(() => Application, { readOnly: true }), shown: 'Application' },
    permissions: shown(text({ default: '' })),
  },
  filters: ['user', 'application'],
  search: ['permissions'],
  ordering: ['-expires'],
  present: presentConsents,
})

/** Consents show the person and the application whole. */
async function presentConsents(ctx: Ctx, rows: Row[]): Promise<Row[]> {
  const whole = async (model: Model, name: string): Promise<Map<unknown, Row>> => {
    const keys = [...new Set(rows.map(row => row[name]))]
    if (keys.length === 0) return new Map()
    const found = await findObjects(ctx, model, { where: [sql<boolean>`${sql.ref(`${model.table}.${model.pk}`)} in (${sql.join(keys)})`] })
    return new Map((await presentObjects(ctx, model, found)).map((object, index) => [found[index]![model.pk], object]))
  }
  const [users, applications] = [await whole(User, 'user'), await whole(Application, 'application')]
  return rows.map(row => ({ user: users.get(row.user), application: applications.get(row.application) }))
}

/** What the application got on the strength of this consent, or of one before it. */
const removing = (ctx: Ctx, { user, application }: Row): Promise<void> =>
  withdraw(ctx, { user: user as number, application: application as string })

const { list, retrieve, destroy, usedBy } = crud(UserConsent, { removing })

export const userConsents: Resource = { path: '/core/user_consent', model: UserConsent, operations: { list, retrieve, destroy, usedBy } }
