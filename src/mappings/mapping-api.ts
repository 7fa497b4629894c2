import { polymorphic, typesRoute } from '../api/polymorphic.ts'
import type { Resource, SpecialOperation } from '../api/mount.ts'
import { PropertyMapping } from './mapping.ts'

export const propertyMappings: Resource = { path: '/propertymappings/all', model: PropertyMapping, operations: polymorphic(PropertyMapping) }

export const mappingRoutes: Record<string, SpecialOperation> = { 'GET /propertymappings/all/types/': typesRoute(PropertyMapping) }
