import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mailServer } from '../../test/smtp.ts'
import { isMailAddress, sendMail, type SmtpSettings } from './send.ts'

const settings = (port: number, more: Partial<SmtpSettings> = {}): { email: SmtpSettings } => ({
  email: {
    host: '127.0.0.1',
    port,
    username: '',
    password: '',
    use_tls: false,
    use_ssl: false,
    timeout: 5,
    from: 'no-reply@example.test',
    ...more,
  },
})
const mail = { to: ['jane@example.test'], subject: 'Hello\r\nBcc: eve@example.test', text: 'Text', html: '<p>Text</p>' }

test('a mail arrives with both its forms, and a line break in its subject begins no other field', async () => {
  const smtp = await mailServer()
  try {
    await sendMail(settings(smtp.port), mail)
    const [arrived] = smtp.mails
    assert.deepEqual([arrived!.from, arrived!.to, arrived!.headers.bcc], ['no-reply@example.test', ['jane@example.test'], undefined])
    assert.deepEqual([arrived!.text.trim(), arrived!.html.trim()], ['Text', '<p>Text</p>'])
  } finally {
    await smtp.close()
  }
})

test('what was to be encrypted is never sent without, nor to a server whose certificate nobody vouches for', async () => {
  const [plain, selfSigned] = [await mailServer(), await mailServer({ disabledCommands: [] })]
  try {
    await assert.rejects(sendMail(settings(plain.port, { use_tls: true }), mail), /STARTTLS/)
    await assert.rejects(sendMail(settings(plain.port, { use_ssl: true }), mail))
    await assert.rejects(sendMail(settings(selfSigned.port, { use_tls: true }), mail), /certificate/)
    await assert.rejects(sendMail(settings(plain.port, { use_ssl: true, use_tls: true }), mail), /exclude each other/)
    assert.deepEqual([...plain.mails, ...selfSigned.mails], [])
  } finally {
    await plain.close()
    await selfSigned.close()
  }
})

test('an address is one address', () => {
  for (const good of ['jane@example.test', "o'neil+tag@sub.example.test", 'root@localhost']) assert.equal(isMailAddress(good), true, good)
  for (const bad of ['', 'jane', 'a@x, b@y', 'a@x;b@y', 'Jane <jane@x>', 'a@b@c', 'a b@c', 'a@x\r\nBcc: b@y', '"a"@x'])
    assert.equal(isMailAddress(bad), false, bad)
})
