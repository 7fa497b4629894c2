import { adoptSecretKey } from '../crypto/same-key.ts'
import type { Command } from './command.ts'
import { withContext } from './with-context.ts'

export const adoptSecretKeyCommand: Command = {
  arguments: '',
  help: `
For an installation whose secret key is lost for good: makes the database that of the key in force. Stop all servers before. Everybody is signed
out. What was sealed under the former key cannot be opened any more; it is replaced by something new or nothing, and each is named on stdout, to be set
anew: secrets of clients and sources, private keys of certificates, apps that show codes.`,
  async run(terminal) {
    const lost = await withContext(terminal, adoptSecretKey, { secretKey: 'any' })
    for (const line of lost) terminal.stdout.write(`${line}\n`)
  },
}
