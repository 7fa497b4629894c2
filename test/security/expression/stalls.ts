/**
 * How long a program holds its event loop up, measured so that other programs' load does not count.
 *
 * The requirement is that nothing an expression does keeps the server from its other visitors for more than 50 ms, so this is the one place
 * where tests look at a clock. A clock on the wall would blame the expression for whatever else the machine has to do: a neighbour that takes the
 * processor for 60 ms looks like a stall of 60 ms. So there are three measures:
 *
 * 1. `slice`: what the engine itself says its longest slice took, in processor time of the thread; of its first steps on the wall clock.
 * 2. `turn`: the longest turn of the event loop in processor time of the thread, by a chain of `setImmediate` beside the evaluation. It knows
 *    nothing of the engine, and sees what the engine does not count: compiling, converting results, collecting garbage.
 * 3. `delay`: the histogram of the event loop's delay on the wall clock, less what the thread waited for the processor meanwhile: the wall
 *    clock's time less the processor's, over a run in which the loop never sleeps. On an idle machine that is nothing. Some kernels count a
 *    thread's time by sampling; so much as the two clocks disagree about the busy control, they may disagree about an attack.
 *
 * None of them is free of neighbours: the first steps count on the wall, and a host may take a virtual processor away unseen. But an
 * expression does the same steps each time, so what stalls by its own doing stalls again. Everything is tried twice. What was too long once is
 * tried thirteen times more when all the rest is through, in turns with what else was, so that no trouble of the machine meets all tries of one;
 * then more than half of the tries must be short. If neighbours make one try in twenty too long, that fails once in ten thousand runs.
 *
 * All of it runs in a process of its own, since the test runner shares a process's event loop with what it tests. Two controls, again and
 * again between the attacks, keep the measures honest: a busy loop of 80 ms must show in both clocks, and a run that only waits must not.
 */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { test } from 'node:test'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'

/** Milliseconds that nothing may take in one piece. */
const MOST = 50
const RESOLUTION = 5 // ms, of the histogram's timer

export interface Stall {
  title: string
  ended: string
  slice: number
  turn: number
  delay: number
  waited: number
}

const processorTime = (): number => (usage => (usage.user + usage.system) / 1000)(process.threadCpuUsage())

const SETTLING = 3 * RESOLUTION
const settled = () => new Promise(resolve => setTimeout(resolve, SETTLING))

/** What is watched: how it ended, and the longest slice by the engine's own account. */
export type Work = () => Promise<{ ended: string; slice: number }>

/** Does something and watches the event loop meanwhile. */
export async function watched(title: string, work: Work): Promise<Stall> {
  const histogram = monitorEventLoopDelay({ resolution: RESOLUTION })
  histogram.enable()
  let turn = 0
  const [started, before] = [performance.now(), processorTime()]
  let last = before
  let watching = true
  const watch = () => {
    const used = processorTime()
    turn = Math.max(turn, used - last)
    last = used
    if (watching) setImmediate(watch)
  }
  setImmediate(watch)
  // The histogram's first sample only tells when its timer began.
  await settled()
  const { ended, slice } = await work()
  // The timer of the histogram and the chain see the last turn in the next one.
  await settled()
  histogram.disable()
  watching = false
  const waited = Math.max(0, performance.now() - started - (processorTime() - before))
  return { title, ended, slice, turn, delay: Math.max(0, histogram.max / 1e6 - RESOLUTION), waited }
}

/** What a program that prints stalls, one a line, printed. */
export async function stallsIn(program: URL): Promise<Map<string, Stall[]>> {
  const child = spawn(process.execPath, [fileURLToPath(program)], { stdio: ['ignore', 'pipe', 'inherit'] })
  const [printed, [code]] = await Promise.all([text(child.stdout), once(child, 'exit')])
  assert.equal(code, 0, `${program.pathname} ended with ${String(code)}`)
  const lines = printed.split('\n').filter(line => line.startsWith('{'))
  return Map.groupBy(
    lines.map(line => JSON.parse(line) as Stall),
    stall => stall.title,
  )
}

const TRIES = 2
const TRIES_OF_THE_SUSPECT = 15
const JOBS_A_CONTROL = 25

/** What of the loop's delay nobody else is to blame for. */
const own = ({ delay, waited }: Stall): number => delay - waited

/**
 * Ended for want of time that neighbours took: of the first steps of a slice the engine counts the time on the wall too. What computes for that
 * long by itself does so each time, so such tries are left out only so often.
 */
const isCutShort = ({ ended, waited }: Stall): boolean =>
  waited > 3 * SETTLING && /limit cpu|ms of computing|cannot be paused ran longer/.test(ended)
const MOST_CUT_SHORT = 20

const isSuspect = (stall: Stall): boolean => Math.max(stall.slice, stall.turn, own(stall)) > MOST

/** For the program: runs the controls, then everything twice, and prints the measures. What `prepare` does is not watched. */
export async function report(jobs: readonly [title: string, prepare: () => Work][]): Promise<void> {
  const print = (stall: Stall) => process.stdout.write(`${JSON.stringify(stall)}\n`)
  const busy = async () => {
    for (const end = processorTime() + 80; processorTime() < end;);
    return { ended: 'busy', slice: 0 }
  }
  const idle = async () => {
    await new Promise(resolve => setTimeout(resolve, 80))
    return { ended: 'idle', slice: 0 }
  }
  const tried = async ([title, prepare]: (typeof jobs)[number]): Promise<Stall> => {
    for (let cutShort = 0; ; cutShort++) {
      const stall = await watched(title, prepare())
      if (isCutShort(stall) && cutShort < MOST_CUT_SHORT) continue
      print(stall)
      return stall
    }
  }
  const suspects: (typeof jobs)[number][] = []
  for (const [i, job] of jobs.entries()) {
    if (i % JOBS_A_CONTROL === 0) {
      print(await watched('busy', busy))
      print(await watched('idle', idle))
    }
    const tries: Stall[] = []
    while (tries.length < TRIES) tries.push(await tried(job))
    if (tries.some(isSuspect)) suspects.push(job)
  }
  for (let done = TRIES; done < TRIES_OF_THE_SUSPECT; done++) for (const job of suspects) await tried(job)
}

/** The median of each measure: of two tries the longer, so that both must be short. */
function usual(tries: Stall[]): Pick<Stall, 'slice' | 'turn'> & { delay: number } {
  const median = (measure: (stall: Stall) => number) => tries.map(measure).sort((a, b) => a - b)[Math.floor(tries.length / 2)]!
  return { slice: median(({ slice }) => slice), turn: median(({ turn }) => turn), delay: median(own) }
}

export function assertShort(tries: Stall[], measured: Map<string, Stall[]>): void {
  const disagreement = Math.max(0, ...measured.get('busy')!.map(busy => own(busy) - busy.turn))
  const { slice, turn, delay } = usual(tries)
  assert.ok(slice <= MOST, `the engine's longest slice took ${slice.toFixed(0)} ms`)
  assert.ok(turn <= MOST, `a turn of the event loop took ${turn.toFixed(0)} ms of computing`)
  assert.ok(delay - disagreement <= MOST, `the event loop stood still for ${delay.toFixed(0)} ms, not counting what others took`)
}

/** Makes tests of the two controls, and one that nothing is short of its tries. */
export function controls(measured: () => Map<string, Stall[]>): void {
  void test('a loop that is busy for 80 ms is seen by both clocks', () => {
    for (const { turn, delay } of measured().get('busy')!) {
      assert.ok(turn > MOST, `${turn} ms`)
      assert.ok(delay > MOST, `${delay} ms`)
    }
  })
  void test('a loop that only waits counts as idle', () => {
    assertShort(measured().get('idle')!, measured())
  })
}

/** The measures of one job, in each try. */
export function triesOf(measured: Map<string, Stall[]>, title: string): Stall[] {
  const tries = measured.get(title) ?? []
  assert.ok(tries.length >= TRIES)
  return tries
}
