import type { Resource } from '../api/mount.ts'
import { Role, roleOperations } from './role.ts'

export const roles: Resource = { path: '/rbac/roles', model: Role, operations: roleOperations }
