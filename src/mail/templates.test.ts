import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import type { Config } from '../config.ts'
import { plainText } from './plain-text.ts'
import { listTemplates, renderTemplate, templateExists } from './templates.ts'

const folder = mkdtempSync(join(tmpdir(), 'signet-templates-'))
after(() => rmSync(folder, { recursive: true }))
mkdirSync(join(folder, 'templates', 'company'), { recursive: true })
writeFileSync(join(folder, 'secret.html'), 'secret')
const write = (name: string, text: string) => writeFileSync(join(folder, 'templates', name), text)

const NOW = new Date('2031-05-06T07:08:09Z')
const templates = { config: { email: { template_dir: join(folder, 'templates') } } as unknown as Pick<Config, 'email'>, now: () => NOW }
const render = (name: string, variables: Record<string, unknown> = {}) => renderTemplate(templates, name, variables)

test('every built-in template renders with the variables that it is given', async () => {
  const variables = {
    url: 'https://id.example.test/?a=1&b=2',
    brand: 'Signet',
    host: 'id.example.test',
    token: '123456',
    subject: 'Subject',
    title: 'Title',
    body: 'Body',
    user: { username: 'jane', name: 'Jane <script>' },
    expires: new Date(NOW.getTime() + 1_800_000),
  }
  for (const name of ['password_reset', 'account_confirmation', 'invitation', 'email_otp', 'event_notification', 'setup']) {
    const { html, text } = await render(`email/${name}.html`, variables)
    assert.ok(!html.includes('<script>') && html.includes('Signet'), name)
    assert.ok(!/<\/?(?:p|a|html|div)\b/.test(text), text)
    if (html.includes('href')) assert.ok(text.includes(variables.url), name)
  }
})

test("an operator's template in Django's language extends the base, translates and tells times", async () => {
  write(
    'company/reset.html',
    `{% extends "email/base.html" %}{% load i18n humanize %}
    {% block content %}<p>{% blocktrans with username=user.username trimmed %}Hi {{ username }}{% endblocktrans %}</p>
    {% trans "Reset" %} {{ url }} {{ expires|naturaltime }} {{ raw|safe }} {{ raw }}{% endblock %}`,
  )
  const { html } = await render('company/reset.html', {
    user: { username: 'a&b' },
    url: 'https://x.test/',
    expires: new Date(NOW.getTime() + 1_800_000),
    raw: '<b>',
  })
  assert.match(html, /<p>Hi a&amp;b<\/p>\s+Reset https:\/\/x.test\/ in 30 minutes <b> &lt;b&gt;/)
  assert.match(html, /<!doctype html>/)
})

test("an operator's template goes before the built-in one of its name, and is listed when it is new", async () => {
  mkdirSync(join(folder, 'templates', 'email'), { recursive: true })
  write('email/setup.html', 'ours')
  assert.equal((await render('email/setup.html')).html, 'ours')
  const names = (await listTemplates(templates)).map(choice => `${choice.name}: ${choice.description}`)
  assert.ok(names.includes('company/reset.html: Custom Template: company/reset.html'))
  assert.ok(names.includes('email/password_reset.html: Password Reset'))
  assert.ok(!names.some(name => name.startsWith('email/setup.html') || name.startsWith('email/base.html')))
})

test('templates reach no file outside of their folder', async () => {
  symlinkSync(join(folder, 'secret.html'), join(folder, 'templates', 'link.html'))
  write('include.html', '{% include "../secret.html" %}')
  write('absolute.html', `{% render "${join(folder, 'secret.html')}" %}`)
  write('linked.html', '{% layout "link.html" %}')
  for (const name of [
    '../secret.html',
    join(folder, 'secret.html'),
    'link.html',
    'company/../../secret.html',
    '.hidden.html',
    'nothing.html',
  ])
    assert.equal(await templateExists(templates, name), false, name)
  for (const name of ['include.html', 'absolute.html', 'linked.html', '../secret.html'])
    await assert.rejects(render(name), /no email template|ENOENT/i, name)
})

test('templates that run on or make too much are stopped', async () => {
  write('endless.html', '{% for i in (1..1000000000) %}{{ i }}{% endfor %}')
  write('long.html', `{% assign a = "${'x'.repeat(1000)}" %}{% for i in (1..2000) %}{{ a }}{% endfor %}`)
  write('self.html', '{% include "self.html" %}')
  for (const name of ['endless.html', 'long.html', 'self.html']) await assert.rejects(render(name), name)
})

test('variables have no more than their own properties', async () => {
  write('proto.html', '[{{ user.constructor }}{{ user.__proto__ }}{{ user.toString }}]')
  assert.equal((await render('proto.html', { user: { username: 'x' } })).html, '[]')
})

test('HTML as text keeps paragraphs and the addresses of links', () => {
  assert.equal(
    plainText('<head><title>T</title></head><p>One &amp; two</p><p><a href="https://x.test/?a=1&amp;b=2">Open</a></p><style>p{}</style>'),
    'One & two\n\nOpen: https://x.test/?a=1&b=2\n',
  )
  assert.equal(plainText('<!-- a --> b <!-- c --><!-- open'), 'b\n')
  // Would take minutes if each beginning were searched for its end.
  assert.equal(plainText('<!--'.repeat(200_000)), '\n')
})
