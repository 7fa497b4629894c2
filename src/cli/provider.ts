import { CommandError, UsageError, type Command } from './command.ts'
import { withContext } from './with-context.ts'

export const provider: Command = {
  arguments: 'show <name> [--json]',
  help: `
Prints what an operator checks first about an OAuth2 provider: how long access and refresh tokens are good for, the name of the
signing key, and the scopes. Ends with 1 when no OAuth2 provider has the name.`,
  options: { json: { type: 'boolean' } },
  positionals: [2, 2],
  async run(terminal, values, [verb, name = '']) {
    if (verb !== 'show') throw new UsageError(`${JSON.stringify(verb)} is not what a provider can be asked; only "show" is`)
    const facts = await withContext(terminal, async ({ db }) => {
      const row = await db
        .selectFrom('provider')
        .innerJoin('provider_oauth2', 'provider_oauth2.id', 'provider.id')
        .leftJoin('keypair', 'keypair.kp_uuid', 'provider_oauth2.signing_key')
        .select([
          'provider.id',
          'provider_oauth2.access_token_validity',
          'provider_oauth2.refresh_token_validity',
          'keypair.name as signing_key',
        ])
        .where('provider.name', '=', name)
        .executeTakeFirst()
      if (!row) throw new CommandError(`There is no OAuth2 provider ${JSON.stringify(name)}.`)
      const scopes = await db
        .selectFrom('provider_property_mapping')
        .innerJoin('scope_mapping', 'scope_mapping.pm_uuid', 'provider_property_mapping.mapping')
        .select('scope_mapping.scope_name')
        .where('provider_property_mapping.provider', '=', row.id)
        .orderBy('scope_mapping.scope_name')
        .execute()
      const { access_token_validity, refresh_token_validity, signing_key } = row
      return { access_token_validity, refresh_token_validity, signing_key, scopes: scopes.map(({ scope_name }) => scope_name) }
    })
    if (values.json) return void terminal.stdout.write(`${JSON.stringify(facts)}\n`)
    for (const [fact, value] of Object.entries(facts)) terminal.stdout.write(`${fact}: ${[value].flat().join(' ')}\n`)
  },
}
