/** Loads a part of the program at the first call and hands out the same at every later one, without asking the module loader again. */
export function lazy<T>(load: () => Promise<T>): () => Promise<T> {
  let loaded: Promise<T> | undefined
  return () => (loaded ??= load())
}
