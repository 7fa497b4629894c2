/** Letters that are written from right to left, and marks that turn the direction of text. */
const TURNS = /[\u0590-\u08ff\u200f\u202a-\u202e\u2066-\u2069\ufb1d-\ufdff\ufe70-\ufeff]/

/**
 * A name for use inside a sentence of ours: in another direction than the sentence's, it keeps to itself (Unicode UAX #9 isolates), so that it
 * cannot mix up the words around it.
 */
export const apart = (name: string): string => (TURNS.test(name) ? `\u2068${name.replaceAll('\u2069', '')}\u2069` : name)
