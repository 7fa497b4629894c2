import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Challenge } from './challenge.ts'
import bg from './locales/bg.ts'
import de from './locales/de.ts'
import en from './locales/en.ts'
import es from './locales/es.ts'
import fr from './locales/fr.ts'
import nl from './locales/nl.ts'
import { sayServerText, titleOf, translator } from './translate.ts'

const placeholders = (text: string) => [...text.matchAll(/\{\w+\}/g)].map(String).sort()

test('every language has every text, with the same placeholders', () => {
  for (const [name, table] of Object.entries({ bg, de, es, fr, nl })) {
    assert.deepEqual(Object.keys(table).sort(), Object.keys(en).sort(), name)
    for (const key of Object.keys(en) as (keyof typeof en)[]) {
      assert.notEqual(table[key].trim(), '', `${name}: ${key}`)
      assert.deepEqual(placeholders(table[key]), placeholders(en[key]), `${name}: ${key}`)
    }
  }
})

test('placeholders are filled, also with text that looks like one', () => {
  const t = translator(en)
  assert.equal(t('or', { a: '{b}', b: '$&' }), '{b} or $&')
})

test('a name that is written from right to left stays apart from the sentence around it, whatever marks it holds', () => {
  const t = translator(en)
  assert.equal(t('to_continue_to', { name: 'Wiki' }), 'to continue to Wiki')
  assert.equal(t('to_continue_to', { name: 'מסמכים' }), 'to continue to \u2068מסמכים\u2069')
  assert.equal(t('to_continue_to', { name: '\u202eikiW\u2069 now' }), 'to continue to \u2068\u202eikiW now\u2069')
})

test('known sentences of the server are translated, others are left alone', () => {
  const t = translator(de)
  assert.equal(sayServerText(t, 'Invalid password'), 'Falsches Passwort')
  assert.equal(sayServerText(t, 'Members only'), 'Members only')
  assert.equal(sayServerText(t, 'constructor'), 'constructor')
})

test('whoever is asked whether to sign out reads the question as the title, not that it has happened', () => {
  const t = translator(en)
  const flow_info = { title: "You've logged out of Wiki." } as Challenge['flow_info']
  const asked = { component: 'ak-stage-consent', flow_info, header_text: 'Do you want to sign out of Wiki?' } as Challenge
  assert.equal(titleOf(t, asked, 'Signet'), 'Do you want to sign out of Wiki?')
  assert.equal(titleOf(translator(de), asked, 'Signet'), de.asks_sign_out.replace('{name}', 'Wiki'))
  const done = { component: 'ak-stage-session-end', flow_info } as Challenge
  assert.equal(titleOf(t, done, 'Signet'), 'You have signed out of Wiki.')
})
