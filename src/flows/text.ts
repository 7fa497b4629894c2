/** The value if it is text; contexts hold whatever expressions put there, and an object is nobody's name. */
export const textOf = (value: unknown): string => (typeof value === 'string' ? value : '')
