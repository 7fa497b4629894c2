import assert from 'node:assert/strict'
import { test } from 'node:test'
import { aUser, unique } from '../../../test/builders.ts'
import { server } from '../../../test/harness.ts'
import { User } from '../../core/people.ts'
import { asObject } from '../../flows/objects.ts'
import { Plan } from '../../flows/plan.ts'
import { ExpressionError } from '../evaluate.ts'
import { evaluatePromptExpression } from './prompt.ts'

test('a field of a form starts with what its expression says of the person and of what was typed before', async () => {
  const { ctx } = await server()
  const user = await aUser(ctx, { name: unique('Ada'), attributes: { settings: { locale: 'de' } } })
  const plan = new Plan({ flow_uuid: ctx.uuid(), slug: 'f' }, [], { pending_user: asObject(User, user), prompt_data: { city: 'Bonn' } })
  const ask = (text: string, who: typeof user | null = user) =>
    evaluatePromptExpression(ctx, text, { user: who, prompt_context: plan.context.prompt_data, flow_plan: plan })
  assert.equal(await ask('return user.name'), user.name)
  assert.equal(await ask('return user.attributes.get("settings", {}).get("locale", "")'), 'de')
  assert.equal(await ask('return prompt_context["city"] + str(request.context["flow_plan"].context["prompt_data"]["city"])'), 'BonnBonn')
  assert.deepEqual(await ask('return [{"label": "One", "value": 1}, "two"]'), [{ label: 'One', value: 1 }, 'two'])
  assert.equal(await ask('return None'), null)
  assert.ok((await ask('from django.utils.timezone import now\nreturn now()')) instanceof Date)
  assert.equal(await ask('return user.is_authenticated', null), false)
  await assert.rejects(ask('return user.email', null), ExpressionError)
})
