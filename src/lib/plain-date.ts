/** A day without a time, as forms ask for birthdays: no zone can turn it into another day. */
export class PlainDate {
  /** YYYY-MM-DD */
  readonly text: string
  private constructor(text: string) {
    this.text = text
  }

  /** Undefined for what is no day of the calendar. */
  static parse(text: string): PlainDate | undefined {
    if (!/^\d{4}-\d\d-\d\d$/.test(text)) return undefined
    const date = new Date(`${text}T00:00:00Z`)
    return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(text) ? new PlainDate(text) : undefined
  }

  toJSON(): string {
    return this.text
  }
}
