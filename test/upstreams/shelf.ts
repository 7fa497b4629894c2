type Entry = Record<string, any>

/** Where oidc-provider keeps what it gave out: one shelf an upstream, so that new keys keep old sessions. Nothing expires while a test runs. */
export function aShelf() {
  const entries = new Map<string, Entry>()
  return (model: string) => {
    const find = async (id: string) => entries.get(`${model}:${id}`)
    const by = (field: string) => async (value: string) =>
      [...entries].find(([key, entry]) => key.startsWith(`${model}:`) && entry[field] === value)?.[1]
    return {
      upsert: async (id: string, entry: Entry) => void entries.set(`${model}:${id}`, entry),
      find,
      findByUid: by('uid'),
      findByUserCode: by('userCode'),
      destroy: async (id: string) => void entries.delete(`${model}:${id}`),
      consume: async (id: string) => void Object.assign((await find(id))!, { consumed: Math.floor(Date.now() / 1000) }),
      revokeByGrantId: async (grant: string) => {
        for (const [key, entry] of entries) if (entry.grantId === grant) entries.delete(key)
      },
    }
  }
}
