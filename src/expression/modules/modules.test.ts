import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compile, evaluate, ExpressionError } from '../evaluate.ts'
import type { Value } from '../values.ts'
import { datetime } from './datetime/index.ts'
import { ipaddress } from './ipaddress/index.ts'
import { re } from './re/index.ts'
import { urllibParse } from './urllib/index.ts'
import { zoneinfo } from './zoneinfo.ts'

const modules = new Map([datetime, ipaddress, re, urllibParse, zoneinfo].map(module => [module.name, module]))
const host = { module: (name: string) => modules.get(name), environment: { now: () => Date.UTC(2026, 0, 5, 12, 30) } }

const run = async (text: string): Promise<Value> => (await evaluate(compile(text, []), new Map(), host)).value

async function failure(text: string): Promise<ExpressionError> {
  try {
    await run(text)
  } catch (error) {
    if (error instanceof ExpressionError) return error
    throw error
  }
  return assert.fail(`${text} did not fail`)
}

test('the clock is the one the host gives', async () => {
  const text = 'from datetime import datetime, date, timezone\nreturn f"{datetime.now(timezone.utc)} {datetime.now():%H:%M} {date.today()}"'
  assert.equal(await run(text), '2026-01-05 12:30:00+00:00 12:30 2026-01-05')
})

test('a regular expression that does not end, ends the evaluation, and no handler sees it', async () => {
  const error = await failure('import re\ntry:\n  re.search(r"(a+)+$", "a" * 5000 + "!")\nexcept:\n  return 1\nfinally:\n  pass')
  assert.equal(error.kind, 'limit')
})

test('steps of matching are steps of the evaluation', async () => {
  const error = await failure('import re\nfor i in range(100000):\n  re.search(r"(?:a|b|c)*d", "abc" * 500)')
  assert.equal(error.limit, 'steps')
})

test('a re.error can be handled and tells the position', async () => {
  const text =
    'import re\ntry:\n  re.compile("a\\n(b")\nexcept re.error as e:\n  return [str(e), e.msg, e.pos, e.lineno, e.colno, e.pattern] == [str(e), "missing ), unterminated subpattern", 2, 2, 1, "a\\n(b"]'
  assert.equal(await run(text), true)
})

test('a function may replace matches, in the middle of which it may match again', async () => {
  assert.equal(await run('import re\nreturn re.sub("[a-z]+", lambda m: re.sub("a", "b", m[0]) + str(m.start()), "aa 😀 ca")'), 'bb0 😀 cb5')
})

test('an unknown zone is a KeyError', async () => {
  assert.equal(
    await run('from zoneinfo import ZoneInfo\ntry:\n  ZoneInfo("Nowhere/City")\nexcept KeyError:\n  return "unknown"'),
    'unknown',
  )
})

test('methods taken from their class refuse objects of other classes', async () => {
  const attempts = [
    'date.isoformat(5)',
    'date.isoformat()',
    'datetime.timestamp(date(2024, 1, 1))',
    'timedelta.total_seconds("x")',
    'timezone.utc.utcoffset(5)',
    'timezone.utc.fromutc("x")',
    're.Pattern.search("a", "b")',
    're.Match.group(re.compile("a"))',
    'IPv4Network.hosts(ip_address("1.2.3.4"))',
    'SplitResult.geturl((1, 2))',
    'SplitResult(1, 2, 3, 4, 5).geturl()',
    'DefragResult.geturl(())',
    'ParseResult.hostname.fget(5)',
    're.Pattern()',
    're.Match()',
  ]
  for (const attempt of attempts) {
    const imports = 'import re\nfrom datetime import *\nfrom ipaddress import *\nfrom urllib.parse import *\n'
    const explicit = imports
      .replace('from datetime import *', 'from datetime import date, datetime, timedelta, timezone')
      .replace('from ipaddress import *', 'from ipaddress import ip_address, IPv4Network')
      .replace(
        'from urllib.parse import *',
        'from urllib.parse import SplitResult, ParseResult, urldefrag\nDefragResult = type(urldefrag(""))',
      )
    const error = await failure(`${explicit}return ${attempt}`)
    assert.match(error.message, /^(TypeError|AttributeError): /, `${attempt}: ${error.message}`)
  }
})

test('classes derived from native ones do not reach fields that are not there', async () => {
  const attempts = [
    'import re\nclass M(re.Match):\n  pass\nreturn M().group()',
    'from datetime import tzinfo, datetime\nclass Z(tzinfo):\n  def utcoffset(self, dt):\n    return None\nreturn datetime(2024, 1, 1, tzinfo=Z()).isoformat()',
    'from urllib.parse import urldefrag\nclass D(type(urldefrag(""))):\n  pass\nreturn D().geturl()',
  ]
  for (const attempt of attempts) assert.match((await failure(attempt)).message, /^(TypeError|AttributeError): /, attempt)
})

test('formats and texts that would grow without end are stopped by the budgets', async () => {
  const attempts = [
    'from datetime import datetime\nreturn datetime(2024, 1, 1).strftime("%999Y" * 200000)',
    'from datetime import datetime\nreturn datetime.strptime("x", "%" * 100000 + "%")',
    'from ipaddress import ip_network\nreturn list(ip_network("::/0"))',
    'from ipaddress import ip_network\nreturn len(list(ip_network("10.0.0.0/8").subnets(new_prefix=32)))',
    'import re\nreturn re.sub("", "x" * 10000, "a" * 100000)',
    'import re\nreturn re.findall("(a)" * 100, "a" * 1000000)',
    'from urllib.parse import quote\nreturn quote("é" * 9000000)',
  ]
  for (const attempt of attempts) {
    const error = await failure(attempt)
    assert.ok(error.kind === 'limit' || /^(re\.error|ValueError): /.test(error.message), `${attempt}: ${error.message}`)
  }
})
