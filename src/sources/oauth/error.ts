/** A sign-in by a source that came to nothing. The message is safe to show; what led to it is for the log. */
export class SourceError extends Error {
  constructor(reason: string, cause?: unknown) {
    super(reason, { cause })
    this.name = 'SourceError'
  }
}

export const STATE_FAILED = 'State check failed.'
export const NO_TOKEN = 'Could not retrieve token.'
export const NO_PROFILE = 'Could not retrieve profile.'
export const NO_ID = 'Could not determine id.'
