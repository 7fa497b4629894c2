/**
 * Kills the built program in the middle of its work, again and again, and holds it each time to what it acknowledged.
 *
 *     npm run soak                     200 rounds
 *     npm run soak -- 1000             so many
 *     npm run soak -- 200 --seed 7     the same work at the same moments, as far as the machine lets it
 */
import { randomInt } from 'node:crypto'
import { parseArgs } from 'node:util'
import { Soak } from './process/soak.ts'

const { values, positionals } = parseArgs({ allowPositionals: true, options: { seed: { type: 'string' } } })
const rounds = Number(positionals[0] ?? 200)
const seed = Number(values.seed ?? randomInt(1_000_000))
if (!Number.isInteger(rounds) || rounds < 1 || !Number.isInteger(seed)) throw new Error('usage: npm run soak -- [rounds] [--seed number]')

console.log(`${rounds} rounds, seed ${seed}`)
const soak = await Soak.begin(seed)
try {
  for (let round = 1; round <= rounds; round++) {
    await soak.round()
    if (round % 10 === 0) console.log(`${round} rounds`)
  }
} catch (error) {
  console.error(`failed with seed ${seed}; the program said:\n${soak.said()}`)
  throw error
} finally {
  console.log(soak.report())
  await soak.end()
}
