/** A text as the matcher reads it: an array of code points, lone surrogates among them. */
export class Subject {
  readonly text: string
  /** Number of code points. */
  readonly length: number
  readonly codes: Int32Array
  /** True when reading the text has been charged to a budget. */
  paid = false
  /** True when the text holds characters outside the basic plane, so that offsets differ from those of the JavaScript string. */
  private readonly astral: boolean

  /** @param shared the codes are needed for one match only and may be kept in a buffer that the next subject overwrites */
  constructor(text: string, shared = false) {
    this.text = text
    const codes = shared && text.length <= SCRATCH.length ? SCRATCH : new Int32Array(text.length)
    let n = 0
    let astral = false
    for (let i = 0; i < text.length; i++) {
      let c = text.charCodeAt(i)
      if (c >= 0xd800 && c < 0xdc00) {
        c = text.codePointAt(i)!
        if (c > 0xffff) {
          i += 1
          astral = true
        }
      }
      codes[n++] = c
    }
    this.length = n
    this.astral = astral
    this.codes = astral && codes === SCRATCH ? codes.slice(0, n) : codes
  }

  /** Where a character begins in the JavaScript string; walks there. */
  private unitAt(offset: number): number {
    let extra = 0
    for (let i = 0; i < offset; i++) if (this.codes[i]! > 0xffff) extra++
    return offset + extra
  }

  /** The text between two code point offsets. */
  slice(start: number, end: number) {
    if (!this.astral) return this.text.slice(start, end)
    if (end - start > 1024) return this.text.slice(this.unitAt(start), this.unitAt(end))
    let out = ''
    // In pieces, since arguments of one call are limited.
    for (let i = start; i < end; i += 4096) out += String.fromCodePoint(...this.codes.subarray(i, Math.min(end, i + 4096)))
    return out
  }
}

const SCRATCH = new Int32Array(1024)
