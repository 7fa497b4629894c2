const SLUG = /^[-a-zA-Z0-9_]+$/

/** Whether the text is a slug as URLs of the API take it: letters, digits, hyphens and underscores. */
export const isSlug = (text: string): boolean => SLUG.test(text)

/**
 * A slug made of a name: marks and punctuation are dropped (`Zoë's café` becomes `zoes-cafe`), spaces and hyphens become one hyphen,
 * at most `maxLength` characters. May be empty when nothing of the name can be kept.
 */
export function slugify(name: string, maxLength = 50): string {
  const text = name
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[^a-z0-9_\s-]/g, '')
    .replace(/[-\s]+/g, '-')
    .replace(/^[-_]+/, '')
    .slice(0, maxLength)
  // A pattern anchored at the end would begin anew at each hyphen on the way.
  let end = text.length
  while (end > 0 && (text[end - 1] === '-' || text[end - 1] === '_')) end--
  return text.slice(0, end)
}
