import assert from 'node:assert/strict'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, test } from 'node:test'
import { result } from '../../../test/expressions.ts'
import { ownServer, server } from '../../../test/harness.ts'
import { ExpressionError } from '../evaluate.ts'

let listening: Server | undefined
after(() => {
  listening?.closeAllConnections()
  listening?.close()
})

/** Says back what it was told. */
async function echo(): Promise<string> {
  const answer = async (request: IncomingMessage, reply: ServerResponse) => {
    const body = Buffer.concat(await Array.fromAsync(request as AsyncIterable<Buffer>)).toString()
    if (request.url === '/missing') return reply.writeHead(404, { 'content-type': 'text/plain' }).end('nothing here')
    if (request.url === '/odd') return reply.end('{no json')
    return reply
      .writeHead(200, { 'content-type': 'application/json; charset=utf-8', 'x-one': 'a1' })
      .end(JSON.stringify({ method: request.method, url: request.url, headers: request.headers, body }))
  }
  listening ??= createServer((request, reply) => void answer(request, reply))
  if (!listening.listening) await new Promise<void>(resolve => listening!.listen(0, '127.0.0.1', resolve))
  return `http://127.0.0.1:${(listening.address() as AddressInfo).port}`
}

test('requests goes out and comes back as people know it', async () => {
  const base = await echo()
  const { ctx } = await ownServer({ SIGNET_OUTGOING_ALLOW: '127.0.0.1' })
  assert.deepEqual(
    await result(
      ctx,
      `
    import requests as r2
    from authentik.lib.utils.http import get_http_session
    steps = []
    r = requests.get(base + "/a", params={"q": "x y", "n": [1, 2], "none": None}, headers={"X-Key": "k"}, timeout=5)
    d = r.json()
    steps.append([r.status_code, r.ok, bool(r), r.reason, d["method"], d["url"], d["headers"]["x-key"], r.headers["X-One"], r.headers.get("x-one"), r.url == base + "/a?q=x+y&n=1&n=2"])
    d = requests.post(base, json={"a": 1.0, "b": None}).json()
    steps.append([d["method"], d["body"], d["headers"]["content-type"]])
    d = requests.post(base, data={"a": "b c"}, auth=("me", "pw")).json()
    steps.append([d["body"], d["headers"]["content-type"], d["headers"]["authorization"]])
    steps.append(requests.request("PATCH", base, data="raw").json()["method"])
    s = requests.Session()
    s.headers.update({"Authorization": "Bearer t"})
    steps.append(s.put(base).json()["headers"]["authorization"])
    with get_http_session() as session:
        steps.append(session.delete(base).json()["method"])
    bad = requests.get(base + "/missing")
    steps.append([bad.status_code, bad.ok, bool(bad), bad.text, bad.content])
    try:
        bad.raise_for_status()
    except r2.exceptions.HTTPError as e:
        steps.append(str(e).split(" for url")[0])
    try:
        requests.get(base + "/odd").json()
    except requests.exceptions.JSONDecodeError:
        steps.append("no json")
    return steps
  `,
      { variables: { base } },
    ),
    [
      [200, true, true, 'OK', 'GET', '/a?q=x+y&n=1&n=2', 'k', 'a1', 'a1', true],
      ['POST', '{"a":1.0,"b":null}', 'application/json'],
      ['a=b+c', 'application/x-www-form-urlencoded', `Basic ${Buffer.from('me:pw').toString('base64')}`],
      'PATCH',
      'Bearer t',
      'DELETE',
      [404, false, false, 'nothing here', Buffer.from('nothing here').toString('base64')],
      '404 Client Error: Not Found',
      'no json',
    ],
  )
  await assert.rejects(
    result(ctx, 'for i in range(20):\n    requests.get(base)', { variables: { base } }),
    error => error instanceof ExpressionError && /more than 10 requests/.test(error.message),
  )
})

test('what is inside the machine is out of reach unless the operator opens it', async () => {
  const base = await echo()
  const { ctx } = await server()
  assert.equal(
    await result(
      ctx,
      `
    try:
        return requests.get(base).text
    except requests.exceptions.ConnectionError as e:
        return str(e)
  `,
      { variables: { base } },
    ),
    '127.0.0.1 is not reachable from here: a loopback address',
  )
  for (const url of ['http://169.254.169.254/latest', 'http://[::ffff:169.254.169.254]/', 'http://2852039166/']) {
    await assert.rejects(
      result(ctx, 'requests.get(url)', { variables: { url } }),
      error => error instanceof ExpressionError && /not reachable/.test(error.message),
    )
  }
  await assert.rejects(
    result(ctx, 'requests.get("file:///etc/passwd")'),
    error => error instanceof ExpressionError && /InvalidURL/.test(error.message),
  )
  await assert.rejects(
    result(ctx, 'requests.get("https://example.org", verify=False)'),
    error => error instanceof ExpressionError && /always verified/.test(error.message),
  )
})
