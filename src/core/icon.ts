/**
 * Where a picture that administrators chose is found: an address of the web, a `fa://` name or a path of our own
 * stays as it is, anything else is an uploaded file's name.
 */
export function iconUrl(icon: string): string | null {
  if (icon === '') return null
  if (/^(?:https?:|fa:|data:image\/)/.test(icon) || icon.startsWith('/')) return icon
  return `/files/media/public/${icon.split('/').map(encodeURIComponent).join('/')}`
}
