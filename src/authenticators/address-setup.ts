import type { Model, Row } from '../api/model.ts'
import { transact, type Ctx } from '../context.ts'
import { textField, type AnswerField } from '../flows/answer.ts'
import { withUser } from '../flows/present.ts'
import { denied, next, retry, type AnswerErrors, type Challenge, type Outcome, type Run, type StageBehaviour } from '../flows/stage.ts'
import { toBase64url } from '../lib/base64url.ts'
import { forgiveCode, mayTryCode } from './attempts.ts'
import { revokeCode, spendCode } from './codes.ts'
import { withSendLimits } from './sending.ts'
import { addDevice, setupUser } from './setup.ts'

/** A kind of second factor whose codes go to an address that the person has to prove first. */
export type AddressSetup = {
  component: string
  /** Name of the answer's field with the address, and how it is read. */
  field: string
  read: AnswerField
  /** Said when neither an address nor a code was sent. */
  missing: string
  /** Said when the address will not do; never why. */
  invalid: string
  /** The address that the flow itself knows, from the account or an earlier stage: with one, codes go there and nowhere else. */
  established: (run: Run, user: Row) => string | undefined
  /** The form in which addresses are compared and kept; undefined: it is none. */
  normal: (address: string) => string | undefined
  /** Whether the answer's address stands for the one that was sent to, as it is or as it is shown. */
  isSame: (answer: string, address: string) => boolean
  /** Whether somebody has proved this address to this stage already. */
  isTaken: (ctx: Ctx, stage: Row, address: string) => Promise<boolean>
  /** Why this person can set up no more; undefined: they can. */
  refusal?: (ctx: Ctx, stage: Row, user: Row) => Promise<string | undefined>
  /** Sends a fresh code, kept under `key`. @throws DeliveryError */
  send: (ctx: Ctx, message: { stage: Row; user: Row; address: string; key: string }) => Promise<void>
  /** What the challenge says; `address` is where a code was sent. */
  shown: (address: string | undefined) => Row
  model: Model
  /** The proved device. */
  device: (ctx: Ctx, stage: Row, address: string) => Row
}

/** What the plan remembers: for whom and where to a code was sent, and what it is kept under. */
type Draft = { user: number; key: string; address: string }

const WRONG = 'Code does not match'
const TOO_MANY = 'Too many attempts. Please try again later.'

/**
 * The dance that ends with a proved address. A code that was sent proves one address alone: when another is asked for, or the flow
 * learns another, it is worth nothing.
 */
export function addressSetup(kind: AddressSetup): Omit<Required<StageBehaviour>, 'component'> & { component: string } {
  const place = (run: Run): string => `goauthentik.io/stages/${kind.model.app}/${String(run.stage.stage_uuid)}`
  const draftOf = (run: Run): Draft | undefined => {
    const draft = run.plan.context[place(run)] as Draft | undefined
    // What one person began is no proof of another's.
    return draft?.user === setupUser(run)?.id ? draft : undefined
  }

  /** @param established where codes go, whether or not one is on its way */
  const present = async (run: Run, established: string | undefined, errors?: AnswerErrors): Promise<Challenge> => ({
    component: kind.component,
    ...(errors && { response_errors: errors }),
    ...(await withUser(run)),
    ...kind.shown(established ?? draftOf(run)?.address),
  })

  async function send(run: Run, user: Row, address: string): Promise<AnswerErrors | undefined> {
    const { ctx, stage, plan } = run
    const before = draftOf(run)
    const account = user.id as number
    const draft: Draft = { user: account, key: before?.key ?? toBase64url(ctx.randomBytes(32)), address }
    return withSendLimits(ctx, { user: account, address }, async () => {
      // Whatever becomes of the new code: the old one proved another address, perhaps.
      if (before && before.address !== address) await revokeCode(ctx, before.key)
      await kind.send(ctx, { stage, user, address, key: draft.key })
      plan.context[place(run)] = draft
    })
  }

  /** Drops what was sent to an address that the flow no longer stands for. */
  async function withdrawStale(run: Run, established: string | undefined): Promise<void> {
    const draft = draftOf(run)
    if (!draft || established === undefined || draft.address === established) return
    await revokeCode(run.ctx, draft.key)
    delete run.plan.context[place(run)]
  }

  /** Where codes go without a question: the flow's own address, unless somebody has proved it here already. */
  async function destination(run: Run, user: Row): Promise<string | undefined> {
    const known = kind.established(run, user)
    const address = known === undefined ? undefined : kind.normal(known)
    return address !== undefined && !(await kind.isTaken(run.ctx, run.stage, address)) ? address : undefined
  }

  /** Whose factor it will be and where codes go without a question; or that nothing comes of it. */
  async function begin(run: Run): Promise<Outcome | { user: Row; established: string | undefined }> {
    const user = setupUser(run)
    if (!user) return denied()
    const refusal = await kind.refusal?.(run.ctx, run.stage, user)
    if (refusal !== undefined) return denied(refusal)
    const established = await destination(run, user)
    await withdrawStale(run, established)
    return { user, established }
  }

  async function prove(run: Run, user: Row, code: string): Promise<Outcome> {
    const { ctx, stage, plan } = run
    const draft = draftOf(run)
    const account = user.id as number
    if (!(await mayTryCode(ctx, account))) return retry({ non_field_errors: TOO_MANY })
    if (!draft) return retry({ non_field_errors: WRONG })
    const outcome = await transact(ctx, async ctx => {
      if (!(await spendCode(ctx, draft.key, code))) return 'wrong'
      // Somebody else may have been quicker in the meantime.
      if (await kind.isTaken(ctx, stage, draft.address)) return 'taken'
      await addDevice(ctx, kind.model, user, kind.device(ctx, stage, draft.address))
      return 'proved'
    })
    if (outcome === 'wrong') return retry({ non_field_errors: WRONG })
    await forgiveCode(ctx, account)
    delete plan.context[place(run)]
    return outcome === 'taken' ? retry({ non_field_errors: kind.invalid }) : next()
  }

  return {
    component: kind.component,
    answer: () => ({ [kind.field]: { ...kind.read, required: false }, code: textField({ required: false }) }),

    async challenge(run) {
      const begun = await begin(run)
      if ('kind' in begun) return begun
      const { user, established } = begun
      if (draftOf(run) || established === undefined) return present(run, established)
      return present(run, established, await send(run, user, established))
    },

    async respond(run, answer) {
      const begun = await begin(run)
      if ('kind' in begun) return begun
      const { user, established } = begun
      const { code, [kind.field]: typed } = answer as Record<string, string | undefined>
      if (code !== undefined) return prove(run, user, code)
      if (typed === undefined) return retry({ non_field_errors: kind.missing })
      const known = established ?? draftOf(run)?.address
      const address = known !== undefined && kind.isSame(typed, known) ? known : established === undefined ? kind.normal(typed) : undefined
      if (address === undefined || (await kind.isTaken(run.ctx, run.stage, address))) return retry({ non_field_errors: kind.invalid })
      return present(run, established, await send(run, user, address))
    },
  }
}
