import type { Row } from '../api/model.ts'
import { keypairs } from '../crypto/model.ts'
import { fileText, textOption, UsageError, type Command } from './command.ts'
import { withContext } from './with-context.ts'

export const importCertificate: Command = {
  arguments: '--certificate <file> --name <name> [--private-key <file>]',
  help: `
Stores a certificate, and its private key where that is given, under a name; one that has the name already is replaced. The files are
PEM. Ends with 1 when a file cannot be read or does not fit.`,
  options: { certificate: { type: 'string' }, 'private-key': { type: 'string' }, name: { type: 'string' } },
  async run(terminal, values) {
    const certificate = textOption(values, 'certificate')
    const name = textOption(values, 'name')
    if (certificate === undefined) throw new UsageError('--certificate is missing')
    if (name === undefined) throw new UsageError('--name is missing')
    const key = textOption(values, 'private-key')
    const body: Row = {
      name,
      certificate_data: await fileText(terminal, certificate),
      key_data: key === undefined ? '' : await fileText(terminal, key),
    }
    const { create, update } = keypairs.operations
    await withContext(terminal, async ctx => {
      const known = await ctx.db.selectFrom('keypair').select('kp_uuid').where('name', '=', name).executeTakeFirst()
      await (known ? update!(ctx, known.kp_uuid, body, false) : create!(ctx, body))
    })
  },
}
