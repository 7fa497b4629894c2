// Types that RFC 4514 §3 does not name are written as numbers there; the crypto library writes its own short names.
const NUMBERS: Record<string, string> = {
  emailAddress: '1.2.840.113549.1.9.1',
  SN: '2.5.4.4',
  serialNumber: '2.5.4.5',
  title: '2.5.4.12',
  GN: '2.5.4.42',
  initials: '2.5.4.43',
  generationQualifier: '2.5.4.44',
  dnQualifier: '2.5.4.46',
  pseudonym: '2.5.4.65',
  organizationIdentifier: '2.5.4.97',
  businessCategory: '2.5.4.15',
  postalCode: '2.5.4.17',
  street: 'STREET',
}

/**
 * A name as RFC 4514 writes it, from the form of `X509Certificate.subject`: one relative name a line, the most general first,
 * values already escaped.
 */
export const rfc4514 = (lines: string): string =>
  lines
    .split('\n')
    .filter(line => line !== '')
    .map(line => line.split(' + ').map(attribute).join('+')) // a plus inside a value stands behind a backslash
    .reverse()
    .join(',')

function attribute(text: string): string {
  const [, type = '', rest = ''] = /^([^=]*)(.*)$/s.exec(text) ?? []
  return (Object.hasOwn(NUMBERS, type) ? NUMBERS[type] : type) + rest
}
