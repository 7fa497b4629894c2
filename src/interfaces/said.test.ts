import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sayServerText } from './said.ts'

test("what the server says of sources is told in the reader's language, and everything else as it stands", () => {
  const denied = (name: string) =>
    `Request to authenticate with ${name} has been denied. Please authenticate with the source you've previously signed up with.`
  assert.equal(sayServerText(denied('$& Co.'), 'en'), denied('$& Co.'))
  assert.equal(sayServerText(denied('$& Co.'), 'de'), 'Die Anmeldung mit $& Co. wurde abgelehnt. Bitte melden Sie sich so an wie bisher.')
  assert.equal(
    sayServerText('Authentication failed: State check failed.', 'nl'),
    'Aanmelden mislukt: Het is elders of te lang geleden begonnen.',
  )
  assert.equal(sayServerText('Authentication failed: The user said no', 'fr'), 'Échec de la connexion : The user said no')
  assert.equal(sayServerText('Come back on Monday', 'bg'), 'Come back on Monday')
})
