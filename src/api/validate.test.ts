import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Type } from 'typebox'
import { body, fieldErrors } from './validate.ts'

const SLUG = 'Enter a valid "slug" consisting of letters, numbers, underscores or hyphens.'
const schema = body({
  slug: Type.String({ minLength: 1, pattern: '^[-a-zA-Z0-9_]+$' }),
  kind: Type.Unsafe({ type: 'string', enum: ['a'] }),
})

test('an empty text is told to be blank, and nothing else of it', () => {
  assert.deepEqual(fieldErrors(schema, { slug: '', kind: 'a' }), { slug: ['This field may not be blank.'] })
  assert.deepEqual(fieldErrors(schema, { slug: 'a b', kind: '' }), { slug: [SLUG], kind: ['"" is not a valid choice.'] })
  assert.deepEqual(fieldErrors(schema, { slug: 'a-b', kind: 'a' }), {})
})
