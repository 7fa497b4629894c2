import { polymorphic, typesRoute } from '../api/polymorphic.ts'
import type { Resource, SpecialOperation } from '../api/mount.ts'
import { Provider } from './provider.ts'

export const providers: Resource = { path: '/providers/all', model: Provider, operations: polymorphic(Provider) }

export const providerRoutes: Record<string, SpecialOperation> = { 'GET /providers/all/types/': typesRoute(Provider) }
