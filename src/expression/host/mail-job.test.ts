import assert from 'node:assert/strict'
import type { AddressInfo } from 'node:net'
import { after, test } from 'node:test'
import { SMTPServer } from 'smtp-server'
import { result } from '../../../test/expressions.ts'
import { ownServer } from '../../../test/harness.ts'
import { expressionMail } from './mail-job.ts'

test('a mail that an expression wrote reaches the mail server', async () => {
  const received: { to: string[]; text: string }[] = []
  const smtp = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    onData(stream, session, done) {
      void Array.fromAsync(stream as AsyncIterable<Buffer>).then(chunks => {
        received.push({ to: session.envelope.rcptTo.map(({ address }) => address), text: Buffer.concat(chunks).toString() })
        done()
      })
    },
  })
  await new Promise<void>(resolve => smtp.listen(0, '127.0.0.1', resolve))
  after(() => new Promise<void>(resolve => smtp.close(() => resolve())))
  const { ctx } = await ownServer({
    SIGNET_EMAIL__HOST: '127.0.0.1',
    SIGNET_EMAIL__PORT: String((smtp.server.address() as AddressInfo).port),
    SIGNET_EMAIL__FROM: 'no-reply@example.test',
  })
  await result(ctx, 'return ak_send_email("a@b.test", "Hello", body="<b>Hi</b> there", cc="c@d.test", bcc=["e@f.test"])')
  const { args } = await ctx.db.selectFrom('task').select('args').where('actor_name', '=', expressionMail.name).executeTakeFirstOrThrow()
  const lines: string[] = []
  await expressionMail.run(ctx, args as Record<string, unknown>, {
    signal: new AbortController().signal,
    log: (_, event) => void lines.push(event),
  })
  assert.deepEqual(lines, ['email sent'])
  assert.deepEqual(received[0]!.to, ['a@b.test', 'c@d.test', 'e@f.test'])
  assert.match(received[0]!.text, /^From: no-reply@example\.test\r$/m)
  assert.match(received[0]!.text, /^Subject: Hello\r$/m)
  assert.match(received[0]!.text, /text\/html/)
  assert.doesNotMatch(received[0]!.text, /e@f\.test/)
})
