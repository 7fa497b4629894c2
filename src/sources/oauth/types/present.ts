import type { Row } from '../../../api/model.ts'
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

/** The picture of a type: its letter on its colour, as an address that needs no request. */
export function typePicture({ picture: { letter, colour } }: ProviderType): string {
  const circle = `<circle cx="24" cy="24" r="24" fill="${colour}"/>`
  const text = `<text x="24" y="33" font-family="sans-serif" font-size="26" font-weight="700" text-anchor="middle" fill="#fff">${letter}</text>`
  return `data:image/svg+xml,${encodeURIComponent(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 48 48">${circle}${text}</svg>`)}`
}
