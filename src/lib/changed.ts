/**
 * A list or an object whose items are what `change` makes of them; the very same where it changes none, since a copy of what is looked at
 * with every request costs more than the look.
 * @param change gets the key of an object's item, and undefined for a list's
 */
export function changed<T extends object>(value: T, change: (item: unknown, key: string | undefined) => unknown): T {
  if (Array.isArray(value)) {
    let list: unknown[] | undefined
    for (let index = 0; index < value.length; index++) {
      const item = change(value[index], undefined)
      if (item !== value[index]) (list ??= value.slice())[index] = item
    }
    return (list as T | undefined) ?? value
  }
  let object: Record<string, unknown> | undefined
  for (const key of Object.keys(value)) {
    const before = (value as Record<string, unknown>)[key]
    const item = change(before, key)
    if (item !== before) (object ??= { ...(value as Record<string, unknown>) })[key] = item
  }
  return (object as T | undefined) ?? value
}
