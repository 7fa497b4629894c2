/** For `node --test --test-global-setup`: one PostgreSQL server for all test processes of a run. */
import type { ThrowawayPostgres } from './postgres.ts'
import { throwawayPostgres } from './postgres.ts'

let server: ThrowawayPostgres | undefined

export const globalSetup = async (): Promise<void> => {
  server = await throwawayPostgres()
  const { host, port, user, password } = server
  process.env['SIGNET_TEST_POSTGRES'] = JSON.stringify({ host, port, user, password })
}

export const globalTeardown = async (): Promise<void> => {
  delete process.env['SIGNET_TEST_POSTGRES']
  await server?.stop()
}
