import type { IncomingMessage } from 'node:http'
import type { FastifyInstance, FastifyRequest } from 'fastify'

/** Bytes of a body: larger than an avatar of a megabyte in base64, smaller than what would hurt. */
export const BODY_LIMIT = 2 * 1024 * 1024

/** A body that is not read; the status says why. */
export class BodyRefused extends Error {
  readonly statusCode: 413 | 415
  constructor(statusCode: 413 | 415, why: string) {
    super(why)
    this.name = 'BodyRefused'
    this.statusCode = statusCode
  }
}

/** The client went away while it was sending. */
export class BodyAborted extends Error {
  readonly statusCode = 400
}

/** Bytes that room is made for as soon as a body has more than one piece. */
const LEAST = 4 * 1024

/**
 * The bytes of a body that comes in pieces, in one block that is made twice as large whenever it is full. A piece that is kept costs some 150 bytes beside its
 * own, so that strangers who send one byte after the other would fill the memory with 300 MB for each two.
 */
class Gathered {
  #block: Buffer | undefined
  #length = 0

  get length(): number {
    return this.#length
  }

  add(piece: Buffer): void {
    const length = this.#length + piece.length
    if (this.#block === undefined) {
      this.#block = piece // most bodies come in one: nothing is copied
    } else {
      if (length > this.#block.length) {
        // Not from the pool that small buffers share.
        const larger = Buffer.allocUnsafeSlow(Math.max(length, 2 * this.#block.length, LEAST))
        this.#block.copy(larger, 0, 0, this.#length)
        this.#block = larger
      }
      piece.copy(this.#block, this.#length)
    }
    this.#length = length
  }

  /** Decoded at the end: no character is torn between pieces. */
  toString(): string {
    return this.#block?.toString('utf8', 0, this.#length) ?? ''
  }
}

const tooLarge = () => new BodyRefused(413, 'the body is too large')

/**
 * The text of a body.
 * @param limit bytes
 * @throws BodyRefused, BodyAborted
 */
export function readBody(request: IncomingMessage, limit: number): Promise<string> {
  if (Number(request.headers['content-length']) > limit) return Promise.reject(tooLarge())
  return new Promise((resolve, reject) => {
    const gathered = new Gathered()
    const collect = (piece: Buffer) => {
      gathered.add(piece)
      if (gathered.length <= limit) return
      request.off('data', collect)
      reject(tooLarge())
    }
    request.on('data', collect)
    request.on('end', () => resolve(gathered.toString()))
    request.on('error', () => reject(new BodyAborted()))
  })
}

/**
 * Lets the routes of a scope have bodies of one type, and of no other. The framework would keep the pieces that a body comes in.
 * @param limit bytes
 * @param parse makes what `request.body` is
 */
export function takesBodies(scope: FastifyInstance, type: string, limit: number, parse: (text: string) => unknown = text => text): void {
  scope.removeAllContentTypeParsers()
  scope.addContentTypeParser(type, async (_request: FastifyRequest, payload: IncomingMessage) => parse(await readBody(payload, limit)))
}
