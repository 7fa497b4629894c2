/** Runs every attack and prints how long each held the event loop up. A program for `stallsIn`. */
import { attack, vars } from './attack.ts'
import { attacks } from './attacks.ts'
import { bulk, largest } from './bulk.ts'
import { report } from './stalls.ts'

await report(
  [...attacks, ...bulk].map(([title, text]) => [
    title,
    () => {
      const limits = title === 'host call that never answers' ? { wall: 50 } : {}
      const given = new Map([...vars(), ...largest(text)])
      return async () => {
        const { ended, stats } = await attack(text, limits, given)
        return { ended: ended.length > 200 ? 'much' : ended, slice: stats.longestSlice }
      }
    },
  ]),
)
