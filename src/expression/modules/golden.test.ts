import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { compile, evaluate, ExpressionError } from '../evaluate.ts'
import { datetime } from './datetime/index.ts'
import { ipaddress } from './ipaddress/index.ts'
import { re } from './re/index.ts'
import { urllibParse } from './urllib/index.ts'
import { zoneinfo } from './zoneinfo.ts'

const modules = new Map([datetime, ipaddress, re, urllibParse, zoneinfo].map(module => [module.name, module]))
const host = { module: (name: string) => modules.get(name) }

const cases: [expression: string, answer: string][] = JSON.parse(readFileSync(new URL('testdata/golden.json', import.meta.url), 'utf8'))

const IMPORTS = `import datetime as dt_module, ipaddress, re
from datetime import date, datetime, time, timedelta, timezone
from zoneinfo import ZoneInfo
from ipaddress import ip_address, ip_network, ip_interface, IPv4Address, IPv6Address, IPv4Network, IPv6Network
from urllib.parse import (quote, quote_plus, unquote, unquote_plus, unquote_to_bytes, urlencode, urlparse, urlsplit, urlunparse,
    urlunsplit, urljoin, urldefrag, parse_qs, parse_qsl)
`

async function answerOf(expression: string): Promise<unknown> {
  try {
    return (await evaluate(compile(`${IMPORTS}return repr((${expression}))`, []), new Map(), host)).value
  } catch (error) {
    if (error instanceof ExpressionError) return error.message
    throw error
  }
}

test('re, datetime, zoneinfo, ipaddress and urllib.parse answer as CPython does', async () => {
  const wrong: string[] = []
  for (const [expression, answer] of cases) {
    const got = await answerOf(expression)
    if (got !== answer) wrong.push(`${expression}\n  expected ${answer}\n  got      ${String(got)}`)
  }
  assert.deepEqual(wrong, [], `${wrong.length} of ${cases.length}\n${wrong.join('\n')}`)
})
