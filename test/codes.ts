import { Secret, TOTP } from 'otpauth'

/** Codes of second factors; imports nothing of the product, for tests that drive it from outside. */

/** The code that an app shows at an instant. */
export const codeOf = (key: string, at: Date, digits = 6): string =>
  new TOTP({ secret: Secret.fromBase32(key), digits }).generate({ timestamp: at.getTime() })

/** The code in a text; what is part of a longer word, a name or an address, is none. */
export const codeIn = (text: string): string => /(?<![\w-])\d{6}(?![\w-])/.exec(text)![0]

/** Whether a text tells a code: not by chance, as part of a longer number, of a key or of a time. */
export const tells = (text: string, code: string): boolean => new RegExp(`(?<![\\w.-])${code}(?![\\w-])`).test(text)

/** The id of an explanation in a text, likewise. */
export const explanationIn = (text: string): string => /(?<![\w-])[0-9A-Z]{4}-[0-9A-Z]{4}(?![\w-])/.exec(text)![0]
