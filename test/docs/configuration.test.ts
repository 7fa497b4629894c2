import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { allSettings } from '../../src/config/settings.ts'

/** docs/configuration.md names every setting, and none that is not there. */
const page = readFileSync('docs/configuration.md', 'utf8')
const variable = (key: string): string => key.replaceAll('.', '__').toUpperCase()

test('every setting stands in the documentation, with what it does or among those without effect', () => {
  const [used = '', idle = ''] = page.split('## Known and without effect')
  const groups = [
    'STORAGE__S3',
    'STORAGE__MEDIA__S3',
    'STORAGE__REPORTS__S3',
    'ERROR_REPORTING',
    'OUTPOSTS',
    'THROTTLE',
    'TENANTS',
    'COMPLIANCE',
  ]
  for (const [key, setting] of allSettings()) {
    const name = variable(key)
    const isIdle = setting.idle !== undefined
    const stands = (isIdle ? idle : used).includes(`\`${name}\``) || (isIdle && groups.some(group => name.startsWith(`${group}__`)))
    assert.ok(stands, `${name} is missing ${isIdle ? 'below' : 'above'}`)
  }
})

test('every setting that the documentation speaks of exists', () => {
  const known = new Set(allSettings().map(([key]) => variable(key)))
  const tables = page.split('\n').flatMap(line => (line.startsWith('| `') ? [line.split('|')[1] ?? ''] : []))
  for (const [, name] of tables.join(' ').matchAll(/`([A-Z_0-9]+)`/g)) assert.ok(known.has(String(name)), String(name))
})
