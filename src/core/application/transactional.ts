import { Type } from 'typebox'
import { ApiError, invalid, type FieldErrors } from '../../api/errors.ts'
import { permission, type Row } from '../../api/model.ts'
import { requirePermission } from '../../api/permissions.ts'
import type { Resource, SpecialOperation } from '../../api/mount.ts'
import { wireSchema } from '../../api/fields.ts'
import { named } from '../../api/shapes.ts'
import { body, checked } from '../../api/validate.ts'
import { transact, type Ctx } from '../../context.ts'
import { PolicyBinding } from '../../policies/binding.ts'
import { Provider } from '../../providers/provider.ts'
import { Application } from './model.ts'

/** Application, provider and bindings in one call: all of them, or none. */

const object = Type.Unsafe<Row>({ type: 'object', additionalProperties: true })

const Request = body(
  {
    app: object,
    provider_model: Type.String({ minLength: 1 }),
    provider: object,
    policy_bindings: Type.Array(object),
  },
  ['policy_bindings'],
)
type Request = { app: Row; provider_model: string; provider: Row; policy_bindings?: Row[] }

const BINDING_FIELDS = ['policy', 'group', 'user', 'negate', 'enabled', 'order', 'timeout', 'failure_result']

/** The same for readers: what is inside are the bodies of the parts' own operations. */
const Described = body(
  {
    app: named('ApplicationRequest'),
    provider_model: Type.String({ minLength: 1 }),
    provider: Type.Unsafe({ oneOf: [named('OAuth2ProviderRequest')] }),
    policy_bindings: Type.Array(
      body(
        Object.fromEntries(BINDING_FIELDS.map(name => [name, wireSchema(PolicyBinding.fields[name]!)])),
        BINDING_FIELDS.filter(name => name !== 'order'),
      ),
    ),
  },
  ['policy_bindings'],
)
const Response = Type.Object({ applied: Type.Boolean(), logs: Type.Array(Type.String()) })

const resourceOf = (ctx: Ctx, label: string): Resource | undefined =>
  ctx.registry.resources.find(({ model, operations }) => model.label === label && operations.create !== undefined)

/** Makes one object as the API would; what is wrong with it is told under the name of its part. */
async function make(ctx: Ctx, label: string, values: Row, under: (errors: FieldErrors) => FieldErrors): Promise<Row> {
  try {
    return await resourceOf(ctx, label)!.operations.create!(ctx, values)
  } catch (error) {
    if (error instanceof ApiError && error.status === 400) throw invalid(under(error.body))
    throw error
  }
}

export const transactionalRoutes: Record<string, SpecialOperation> = {
  'PUT /core/transactional/applications/': {
    operationId: 'core_transactional_applications_update',
    body: Described,
    bodyName: 'TransactionApplicationRequest',
    response: Response,
    handler: async (ctx, request) => {
      requirePermission(ctx, permission(Application, 'add'))
      const { app, provider_model: label, provider, policy_bindings: bindings = [] } = checked<Request>(Request, request.body)
      if (resourceOf(ctx, label)?.model.base !== Provider) throw invalid({ provider_model: [`"${label}" is not a valid choice.`] })
      await transact(ctx, async ctx => {
        const { pk } = await make(ctx, label, provider, errors => ({ provider: errors }))
        const { pbm_uuid: target } = await make(ctx, Application.label, { ...app, provider: pk }, errors => ({ app: errors }))
        for (const [index, binding] of bindings.entries())
          await make(ctx, 'authentik_policies.policybinding', { ...binding, target }, errors => ({
            policy_bindings: bindings.map((_, place) => (place === index ? errors : {})),
          }))
      })
      return { applied: true, logs: [] }
    },
  },
}
