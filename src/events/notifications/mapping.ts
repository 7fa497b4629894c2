import { crud } from '../../api/crud.ts'
import { defineModel, type Model } from '../../api/model.ts'
import type { Resource } from '../../api/mount.ts'
import { PropertyMapping } from '../../mappings/mapping.ts'
import { cleanExpression } from '../../policies/expression/check.ts'

/** Writes the body or the headers of a webhook's request. */
export const NotificationWebhookMapping: Model = defineModel({
  name: 'NotificationWebhookMapping',
  label: 'authentik_events.notificationwebhookmapping',
  verboseName: 'Webhook Mapping',
  table: 'notification_webhook_mapping',
  pk: 'pm_uuid',
  base: PropertyMapping,
  description: 'Writes the body or the headers of a webhook.',
  component: 'ak-property-mapping-notification-form',
  fields: {},
  filters: ['name'],
})

export const webhookMappings: Resource = {
  path: '/propertymappings/notification',
  model: NotificationWebhookMapping,
  operations: crud(NotificationWebhookMapping, { clean: cleanExpression }),
}
