import type { Model, Row } from '../../src/api/model.ts'
import { registry } from '../../src/registry.ts'
import { aRole, aToken, aUser } from '../builders.ts'
import { server, type Client } from '../harness.ts'

export const modelOf = (label: string): Model => registry.models.find(model => model.label === label)!

/** A person with these permissions, and a client that presents their token. */
export async function holder(...permissions: string[]): Promise<{ user: Row; api: Client; role: string }> {
  const { ctx, client } = await server()
  const user = await aUser(ctx)
  const role = await aRole(ctx, user, permissions)
  return { user, role, api: client(await aToken(ctx, user)) }
}
