import type { Command } from './command.ts'

export type Entry = { summary: string; load: () => Promise<Command> }

/** Every command; each is loaded when it is called, so that none pays for the others. */
export const commands: Readonly<Record<string, Entry>> = {
  server: { summary: 'Run the whole product: web, API, jobs (the default).', load: async () => (await import('./server.ts')).server },
  worker: { summary: 'Run jobs only, beside servers on the same PostgreSQL.', load: async () => (await import('./worker.ts')).worker },
  healthcheck: {
    summary: 'Ask the server on this machine whether it lives.',
    load: async () => (await import('./healthcheck.ts')).healthcheck,
  },
  version: { summary: 'Print the version.', load: async () => (await import('./version.ts')).version },
  dump_config: { summary: 'Print the settings in force.', load: async () => (await import('./dump-config.ts')).dumpConfig },
  create_token: {
    summary: 'Make a token for a user and print its key.',
    load: async () => (await import('./create-token.ts')).createTokenCommand,
  },
  create_recovery_key: {
    summary: 'Print a link that signs in as a user, once.',
    load: async () => (await import('./create-recovery-key.ts')).createRecoveryKey,
  },
  changepassword: { summary: 'Set the password of a user.', load: async () => (await import('./changepassword.ts')).changePassword },
  create_admin_group: {
    summary: 'Make a user an administrator.',
    load: async () => (await import('./create-admin-group.ts')).createAdminGroup,
  },
  change_user_type: { summary: 'Change the type of users.', load: async () => (await import('./change-user-type.ts')).changeUserType },
  test_email: { summary: 'Send a mail with the settings in force.', load: async () => (await import('./test-email.ts')).testEmail },
  import_certificate: {
    summary: 'Store a certificate and its key from files.',
    load: async () => (await import('./import-certificate.ts')).importCertificate,
  },
  provider: { summary: 'Show the facts of a provider.', load: async () => (await import('./provider.ts')).provider },
  adopt_secret_key: {
    summary: 'Go on with another secret key, when the former one is lost.',
    load: async () => (await import('./adopt-secret-key.ts')).adoptSecretKeyCommand,
  },
  apply_blueprint: {
    summary: 'Apply a blueprint once: a file, or one that comes with the server.',
    load: async () => (await import('./apply-blueprint.ts')).applyBlueprintCommand,
  },
  check_expressions: {
    summary: 'Say which expressions of a file or of the database cannot be run here.',
    load: async () => (await import('./check-expressions.ts')).checkExpressions,
  },
}

/** What runs when no command is named. */
export const DEFAULT_COMMAND = 'server'
