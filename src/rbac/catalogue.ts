import { createHash } from 'node:crypto'
import type { Model } from '../api/model.ts'
import type { Ctx } from '../context.ts'

/** One thing that somebody may be allowed to do. */
export type Permission = {
  /** The same in every installation and release: made from the name. */
  id: number
  /** `app.codename` */
  full: string
  codename: string
  name: string
  app_label: string
  app_label_verbose: string
  model: string
  model_verbose: string
}

/** What models allow beyond view, add, change and delete: model label → codename → what it means. */
const SPECIAL: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'authentik_core.user': {
    reset_user_password: 'Reset Password',
    impersonate: 'Can impersonate other users',
    preview_user: 'Can preview user data sent to providers',
    view_user_applications: 'View applications the user has access to',
  },
  'authentik_core.group': {
    add_user_to_group: 'Add user to group',
    remove_user_from_group: 'Remove user from group',
    enable_group_superuser: 'Enable superuser status',
    disable_group_superuser: 'Disable superuser status',
  },
  'authentik_core.token': { view_token_key: "View token's key", set_token_key: "Set a token's key" },
  'authentik_crypto.certificatekeypair': {
    view_certificatekeypair_certificate: "View Certificate-Key pair's certificate",
    view_certificatekeypair_key: "View Certificate-Key pair's private key",
  },
  'authentik_flows.flow': {
    inspect_flow: "Can inspect a flow's execution",
    view_flow_cache: "View Flow's cache metrics",
    clear_flow_cache: "Clear Flow's cache metrics",
    export_flow: 'Can export a flow',
  },
  'authentik_policies.policy': { view_policy_cache: "View Policy's cache metrics", clear_policy_cache: "Clear Policy's cache metrics" },
  'authentik_providers_ldap.ldapprovider': { search_full_directory: 'Search full LDAP directory' },
  'authentik_providers_oauth2.oauth2dynamicclientregistration': { register_oauth2client: 'Can register clients' },
  'authentik_rbac.role': {
    assign_role_permissions: 'Can assign permissions to roles',
    unassign_role_permissions: 'Can unassign permissions from roles',
  },
  'authentik_tasks_schedules.schedule': { send_schedule: 'Manually trigger a schedule' },
  // Rights that no stored object stands for hang on a model of their own.
  'authentik_rbac.systempermission': {
    view_system_info: 'Can view system info',
    access_admin_interface: 'Can access admin interface',
    view_system_settings: 'Can view system settings',
    edit_system_settings: 'Can edit system settings',
    view_media_files: 'Can view media files',
    manage_media_files: 'Can manage media files',
  },
}

const idOf = (full: string): number => createHash('sha256').update(full).digest().readUInt32BE(0) & 0x7fffffff

/** `authentik_providers_oauth2` → `authentik Providers Oauth2` */
export const appName = (app: string): string => {
  const [first = '', ...rest] = app.split('_')
  return [first, ...rest.map(word => word[0]!.toUpperCase() + word.slice(1))].join(' ')
}

function permissionsOf(model: Pick<Model, 'app' | 'modelName' | 'verboseName' | 'label'>, standard: boolean): Permission[] {
  const verbs = standard
    ? ['view', 'add', 'change', 'delete'].map(verb => [`${verb}_${model.modelName}`, `Can ${verb} ${model.verboseName}`] as const)
    : []
  return [...verbs, ...Object.entries(SPECIAL[model.label] ?? {})].map(([codename, name]) => {
    const full = `${model.app}.${codename}`
    return {
      id: idOf(full),
      full,
      codename,
      name,
      app_label: model.app,
      app_label_verbose: appName(model.app),
      model: model.modelName,
      model_verbose: model.verboseName,
    }
  })
}

const catalogues = new WeakMap<readonly Model[], readonly Permission[]>()

/** Every permission that there is, by name: made from the models, once. */
export function permissionCatalogue({ registry }: Pick<Ctx, 'registry'>): readonly Permission[] {
  const known = catalogues.get(registry.models)
  if (known) return known
  const distinct = [...new Map(registry.models.map(model => [model.label, model])).values()]
  const system = {
    app: 'authentik_rbac',
    modelName: 'systempermission',
    verboseName: 'System permission',
    label: 'authentik_rbac.systempermission',
  }
  const made = [...distinct.flatMap(model => permissionsOf(model, true)), ...permissionsOf(system, false)].toSorted((a, b) =>
    a.full < b.full ? -1 : 1,
  )
  catalogues.set(registry.models, made)
  return made
}

/** The permission of a name, given in full (`authentik_core.view_user`) or, within a model's app, by its codename. */
export const permissionNamed = (ctx: Pick<Ctx, 'registry'>, name: string, app?: string): Permission | undefined =>
  permissionCatalogue(ctx).find(({ full }) => full === name || (app !== undefined && full === `${app}.${name}`))

/** Whether a permission is one of a model's. */
export const belongsTo = (entry: Permission, model: Model): boolean => entry.app_label === model.app && entry.model === model.modelName
