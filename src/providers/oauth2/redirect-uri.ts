/** Schemes that would run script under our own name when a browser is sent there. */
const FORBIDDEN = /^\s*(?:javascript|data|vbscript)\s*:/i

/** Whether a browser must never be sent to this address, whatever a client registered. */
export const forbiddenScheme = (uri: string): boolean => FORBIDDEN.test(uri.replaceAll(/[\u0000-\u0020]/g, ''))
