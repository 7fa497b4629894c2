import { Secret, TOTP } from 'otpauth'

/** Codes of second factors; imports nothing of the product, for tests that drive it from outside. */

/** The code that an app shows at an instant. */
export const codeOf = (key: string, at: Date, digits = 6): string =>
  new TOTP({ secret: Secret.fromBase32(key), digits }).generate({ timestamp: at.getTime() })

/** The code in a text. */
export const codeIn = (text: string): string => /\b\d{6}\b/.exec(text)![0]
