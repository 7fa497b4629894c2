/** A user agent taken apart, in the shape of the API's sessions. Unknown families are called `Other`. */
export type UserAgent = {
  device: { brand: string | null; family: string; model: string | null }
  os: { family: string; major: string | null; minor: string | null; patch: string | null; patch_minor: string | null }
  user_agent: { family: string; major: string; minor: string; patch: string }
  string: string
}

// Each expression is tried in order; its first group is a version. Vendors that imitate others stand before those.
const BROWSERS: readonly (readonly [family: string, pattern: RegExp])[] = [
  ['Edge Mobile', /\bEdgA?(?:iOS)?\/([\d.]+).*Mobile|\bEdg(?:iOS|A)\/([\d.]+)/],
  ['Edge', /\bEdge?\/([\d.]+)/],
  ['Opera Mobile', /\bOPR\/([\d.]+).*\bMobile|\bMobile\b.*\bOPR\/([\d.]+)/],
  ['Opera', /\b(?:OPR|Opera)\/([\d.]+)/],
  ['Vivaldi', /\bVivaldi\/([\d.]+)/],
  ['Yandex Browser', /\bYaBrowser\/([\d.]+)/],
  ['Samsung Internet', /\bSamsungBrowser\/([\d.]+)/],
  ['DuckDuckGo', /\b(?:DuckDuckGo|Ddg)\/([\d.]+)/],
  ['Electron', /\bElectron\/([\d.]+)/],
  ['Firefox iOS', /\bFxiOS\/([\d.]+)/],
  ['Firefox Mobile', /\b(?:Mobile|Tablet);.*\bFirefox\/([\d.]+)/],
  ['Firefox', /\bFirefox\/([\d.]+)/],
  ['Chrome Mobile iOS', /\bCriOS\/([\d.]+)/],
  ['HeadlessChrome', /\bHeadlessChrome\/([\d.]+)/],
  ['Chrome Mobile WebView', /\bwv\).*\bChrome\/([\d.]+)/],
  ['Chrome Mobile', /\bChrome\/([\d.]+) Mobile/],
  ['Chromium', /\bChromium\/([\d.]+)/],
  ['Chrome', /\bChrome\/([\d.]+)/],
  ['Mobile Safari', /\bVersion\/([\d.]+).*\bMobile\/.*\bSafari\//],
  ['Safari', /\bVersion\/([\d.]+).*\bSafari\//],
  ['Mobile Safari UI/WKWebView', /\b(?:iPhone|iPad|iPod)\b.*AppleWebKit\/([\d.]+)/],
  ['IE', /\bMSIE ([\d.]+)|\bTrident\/.*\brv:([\d.]+)/],
  ['curl', /^curl\/([\d.]+)/],
  ['Wget', /^Wget\/([\d.]+)/],
  ['Python Requests', /\bpython-requests\/([\d.]+)/],
  ['python-httpx', /\bpython-httpx\/([\d.]+)/],
  ['Go-http-client', /\bGo-http-client\/([\d.]+)/],
  ['okhttp', /\bokhttp\/([\d.]+)/],
  ['axios', /\baxios\/([\d.]+)/],
  ['PostmanRuntime', /\bPostmanRuntime\/([\d.]+)/],
]

const WINDOWS: Record<string, string> = { '10.0': '10', '6.3': '8.1', '6.2': '8', '6.1': '7', '6.0': 'Vista', '5.1': 'XP', '5.2': 'XP' }

const SYSTEMS: readonly (readonly [family: string, pattern: RegExp])[] = [
  ['Windows Phone', /\bWindows Phone(?: OS)? ([\d.]+)/],
  ['Windows', /\bWindows NT ([\d.]+)|\bWindows\b/],
  ['iOS', /\b(?:iPhone|iPad|iPod)\b.*?\bOS ([\d_]+)|\b(?:iPhone|iPad|iPod)\b/],
  ['Mac OS X', /\bMac OS X ([\d_.]+)/],
  ['Mac OS X', /\bMacintosh\b/],
  ['Android', /\bAndroid ([\d.]+)|\bAndroid\b/],
  ['Chrome OS', /\bCrOS \S+ ([\d.]+)/],
  ['Ubuntu', /\bUbuntu(?:\/([\d.]+))?/],
  ['Fedora', /\bFedora(?:\/([\d.]+))?/],
  ['Debian', /\bDebian(?:\/([\d.]+))?/],
  ['FreeBSD', /\bFreeBSD(?: ([\d.]+))?/],
  ['OpenBSD', /\bOpenBSD(?: ([\d.]+))?/],
  ['Linux', /\bLinux(?:[ /]([\d.]+))?/],
]

// Only the beginning is looked at: real headers are far shorter, and the time of matching stays bounded.
const LOOKED_AT = 512

/** Takes a User-Agent header apart. Never fails: what it does not know is `Other` without a version. */
export function parseUserAgent(header: string): UserAgent {
  const text = header.slice(0, LOOKED_AT)
  return { device: device(text), os: system(text), user_agent: browser(text), string: header }
}

function browser(text: string): UserAgent['user_agent'] {
  const { family, version } = firstOf(BROWSERS, text)
  const [major = '', minor = '', patch = ''] = version
  return { family, major, minor, patch }
}

function system(text: string): UserAgent['os'] {
  const { family, version } = firstOf(SYSTEMS, text)
  if (family === 'Windows') {
    return { family, major: WINDOWS[version.slice(0, 2).join('.')] ?? null, minor: null, patch: null, patch_minor: null }
  }
  const [major = null, minor = null, patch = null, patch_minor = null] = version
  return { family, major, minor, patch, patch_minor }
}

function device(text: string): UserAgent['device'] {
  const apple = /\b(iPhone|iPad|iPod)\b/.exec(text)?.[1]
  if (apple) return { brand: 'Apple', family: apple, model: apple }
  if (/\bMacintosh\b/.test(text)) return { brand: 'Apple', family: 'Mac', model: 'Mac' }
  const model = /\bAndroid [\d.]+; (?:[a-z]{2}[-_][a-z]{2}; )?([^;)]{1,64}?)(?: Build\/[^;)]{0,64})?(?:; wv)?\)/i.exec(text)?.[1]?.trim()
  if (model && !/^(?:Mobile|Tablet|K)$/.test(model)) {
    const brand = /^SM-|^GT-/.test(model) ? 'Samsung' : /^Pixel|^Nexus/.test(model) ? 'Google' : 'Generic_Android'
    return { brand, family: brand === 'Samsung' ? `Samsung ${model}` : model, model }
  }
  if (/\bAndroid\b/.test(text))
    return { brand: 'Generic', family: /\bMobile\b/.test(text) ? 'Generic Smartphone' : 'Generic Tablet', model: null }
  if (/bot\b|crawler|spider/i.test(text)) return { brand: 'Spider', family: 'Spider', model: 'Desktop' }
  return { brand: null, family: 'Other', model: null }
}

function firstOf(table: readonly (readonly [string, RegExp])[], text: string): { family: string; version: string[] } {
  for (const [family, pattern] of table) {
    const match = pattern.exec(text)
    if (match)
      return { family, version: (match.slice(1).find(group => group !== undefined) ?? '').split(/[._]/).filter(part => part !== '') }
  }
  return { family: 'Other', version: [] }
}
