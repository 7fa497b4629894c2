/** An address as it is shown to whoever has only a password yet: `jane@example.org` becomes `j***@example.org`. */
export function maskMail(address: string): string {
  const at = address.lastIndexOf('@')
  return at < 1 ? '***' : `${[...address][0]}***${address.slice(at)}`
}
