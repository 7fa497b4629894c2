/** Version of this program. */
export const VERSION = '0.1.0'

/** The release of authentik whose API this program speaks; what clients compare themselves with. */
export const API_VERSION = '2026.8.3'
