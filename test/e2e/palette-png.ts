import { crc32, deflateSync, inflateSync } from 'node:zlib'

/**
 * Makes a picture of a page a quarter of its size: 256 colours are as many as it takes. Reads what Chromium writes (PNG, RFC 2083: eight
 * bits, RGB or RGBA, not interlaced) and writes colour type 3. Throws for anything else.
 */
export function withPalette(png: Uint8Array): Buffer {
  const { width, height, pixels } = decode(Buffer.from(png))
  const counts = new Map<number, number>()
  for (const pixel of pixels) counts.set(pixel, (counts.get(pixel) ?? 0) + 1)
  const boxes = divide([...counts])
  const indices = new Map<number, number>()
  for (const [index, box] of boxes.entries()) for (const [color] of box) indices.set(color, index)
  const rows = Buffer.alloc((width + 1) * height) // each begins with its filter: none
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) rows[y * (width + 1) + 1 + x] = indices.get(pixels[y * width + x]!)!
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width)
  header.writeUInt32BE(height, 4)
  header.set([8, 3], 8)
  return Buffer.concat([
    SIGNATURE,
    chunk('IHDR', header),
    chunk('PLTE', Buffer.from(boxes.flatMap(mean))),
    chunk('IDAT', deflateSync(rows, { level: 9 })),
    chunk('IEND', Buffer.alloc(0)),
  ])
}

const SIGNATURE = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1')
const MOST = 256
/** Of the parts of a colour, 0xRRGGBB. */
const SHIFTS = [16, 8, 0] as const
const part = (color: number, shift: number): number => (color >> shift) & 255

/** Colours with how often they occur. */
type Box = [color: number, count: number][]

/** Median cut: the box whose colours differ most, for as many pixels as most, is cut where half of its pixels lie on each side. */
function divide(all: Box): Box[] {
  const boxes = [all]
  while (boxes.length < MOST) {
    const worth = boxes.map(box => (box.length < 2 ? 0 : Math.max(...SHIFTS.map(shift => spread(box, shift))) * Math.sqrt(weight(box))))
    const most = worth.indexOf(Math.max(...worth))
    const box = boxes[most]!
    if (box.length < 2) break
    const shift = SHIFTS.toSorted((a, b) => spread(box, b) - spread(box, a))[0]!
    box.sort(([a], [b]) => part(a, shift) - part(b, shift))
    const half = weight(box) / 2
    let [at, sum] = [0, 0]
    while (at < box.length - 1 && sum < half) sum += box[at++]![1]
    boxes.splice(most, 1, box.slice(0, Math.max(1, at)), box.slice(Math.max(1, at)))
  }
  return boxes
}

const weight = (box: Box): number => box.reduce((sum, [, count]) => sum + count, 0)

function spread(box: Box, shift: number): number {
  let [least, most] = [255, 0]
  for (const [color] of box) {
    const value = part(color, shift)
    if (value < least) least = value
    if (value > most) most = value
  }
  return most - least
}

const mean = (box: Box): number[] =>
  SHIFTS.map(shift => Math.round(box.reduce((sum, [color, count]) => sum + part(color, shift) * count, 0) / weight(box)))

function chunk(type: string, data: Buffer): Buffer {
  const named = Buffer.concat([Buffer.from(type, 'latin1'), data])
  const framed = Buffer.alloc(named.length + 8)
  framed.writeUInt32BE(data.length)
  named.copy(framed, 4)
  framed.writeUInt32BE(crc32(named), named.length + 4)
  return framed
}

function decode(png: Buffer): { width: number; height: number; pixels: Uint32Array } {
  if (!png.subarray(0, 8).equals(SIGNATURE)) throw new Error('This is no PNG.')
  const data: Buffer[] = []
  let [width, height, samples] = [0, 0, 0]
  for (let at = 8; at < png.length;) {
    const length = png.readUInt32BE(at)
    const type = png.toString('latin1', at + 4, at + 8)
    const content = png.subarray(at + 8, at + 8 + length)
    if (type === 'IHDR') {
      ;[width, height] = [content.readUInt32BE(0), content.readUInt32BE(4)]
      samples = { 2: 3, 6: 4 }[content[9]!] ?? 0
      if (content[8] !== 8 || samples === 0 || content[12] !== 0) throw new Error('This PNG is of another kind than those of browsers.')
    }
    if (type === 'IDAT') data.push(content)
    at += length + 12
  }
  const bytes = unfiltered(inflateSync(Buffer.concat(data)), width * samples, height, samples)
  const pixels = new Uint32Array(width * height)
  for (let i = 0; i < pixels.length; i++) pixels[i] = (bytes[i * samples]! << 16) | (bytes[i * samples + 1]! << 8) | bytes[i * samples + 2]!
  return { width, height, pixels }
}

/** RFC 2083 §6: each row says how its bytes were made smaller by those beside and above them. */
function unfiltered(raw: Buffer, stride: number, height: number, samples: number): Uint8Array {
  const out = new Uint8Array(stride * height)
  for (let y = 0; y < height; y++) {
    const filter = raw[y * (stride + 1)]!
    const row = y * stride
    for (let x = 0; x < stride; x++) {
      const left = x < samples ? 0 : out[row + x - samples]!
      const up = y === 0 ? 0 : out[row + x - stride]!
      const corner = x < samples || y === 0 ? 0 : out[row + x - stride - samples]!
      const guess = filter === 0 ? 0 : filter === 1 ? left : filter === 2 ? up : filter === 3 ? (left + up) >> 1 : paeth(left, up, corner)
      out[row + x] = raw[y * (stride + 1) + 1 + x]! + guess
    }
  }
  return out
}

function paeth(a: number, b: number, c: number): number {
  const [pa, pb, pc] = [Math.abs(b - c), Math.abs(a - c), Math.abs(a + b - 2 * c)]
  return pa <= pb && pa <= pc ? a : pb <= pc ? b : c
}
