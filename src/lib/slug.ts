const SLUG = /^[-a-zA-Z0-9_]+$/

/** Whether the text is a slug as URLs of the API take it: letters, digits, hyphens and underscores. */
export const isSlug = (text: string): boolean => SLUG.test(text)

/**
 * A slug made of a name: marks and punctuation are dropped (`Zoë's café` becomes `zoes-cafe`), spaces and hyphens become one hyphen,
 * at most `maxLength` characters. May be empty when nothing of the name can be kept.
 */
export const slugify = (name: string, maxLength = 50): string =>
  name
    .normalize('NFKD')
    .toLowerCase()
    .replace(/[^a-z0-9_\s-]/g, '')
    .replace(/[-\s]+/g, '-')
    .replace(/^[-_]+/, '')
    .slice(0, maxLength)
    .replace(/[-_]+$/, '')
