import assert from 'node:assert/strict'
import { test } from 'node:test'
import { aSource, unique } from '../../test/builders.ts'
import { server } from '../../test/harness.ts'
import { createObject } from '../api/objects.ts'
import { IdentificationStage } from '../stages/identification/model.ts'
import { SourceStage } from '../stages/source/model.ts'
import { stageByKey } from './definition.ts'

test('a change of a stage counts at once, be it in values of its kind alone or in what it is related to', async () => {
  const { ctx, admin } = await server()
  const source = await aSource(ctx)
  const through = await createObject(ctx, SourceStage, { name: unique('through'), source: source.pbm_uuid })
  const who = await createObject(ctx, IdentificationStage, { name: unique('who'), user_fields: ['username'] })
  const [sourceKey, whoKey] = [String(through.stage_uuid), String(who.stage_uuid)]
  assert.equal((await stageByKey(ctx, sourceKey))?.resume_timeout, 'minutes=10')
  assert.deepEqual((await stageByKey(ctx, whoKey))?.sources, [])
  assert.equal((await admin.patch(`/api/v3/stages/source/${sourceKey}/`, { resume_timeout: 'minutes=3' })).status, 200)
  assert.equal((await admin.patch(`/api/v3/stages/identification/${whoKey}/`, { sources: [source.pbm_uuid] })).status, 200)
  assert.equal((await stageByKey(ctx, sourceKey))?.resume_timeout, 'minutes=3')
  assert.deepEqual((await stageByKey(ctx, whoKey))?.sources, [source.pbm_uuid])
})
