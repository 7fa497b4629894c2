import type { Row } from '../../../api/model.ts'
import type { Ctx } from '../../../context.ts'
import { pathOf } from '../../../flows/addresses.ts'
import type { ProviderType } from './type.ts'

/** A type of provider as the API shows it. */
export const typeObject = (type: ProviderType): Row => ({
  name: type.name,
  verbose_name: type.verbose_name,
  urls_customizable: type.urls_customizable,
  request_token_url: type.request_token_url,
  authorization_url: type.authorization_url,
  access_token_url: type.access_token_url,
  profile_url: type.profile_url,
  oidc_well_known_url: type.oidc_well_known_url,
  oidc_jwks_url: type.oidc_jwks_url,
})

/** The picture of sources that bring none: web/public/assets/icons/sources has one for each type. */
export const typePicture = (ctx: Pick<Ctx, 'config'>, { name }: ProviderType): string =>
  pathOf(ctx, `/static/dist/assets/icons/sources/${name}.svg`)
