import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'

/** What a test process that has been silent for long is doing, for people; and what it has used of the processor. */
export type Diagnosis = {
  text: string
  /** ms of the processor that it has used so far, with all that it started; undefined where the system does not tell. */
  used: number | undefined
  /** Nothing of it runs or wants to: it waits for what may never come. */
  waits: boolean
}

const SAMPLE = 1_000 // ms
const ANSWER = 5_000 // ms that a process gets to answer its debugger
const TICK = 10 // ms: how Linux counts a process's time
const FRAMES = 20

type Thread = { name: string; state: string; used: number; where: string }

/** @param port where it listens for a debugger once it is asked to, see `--inspect-port` */
export async function diagnose(pid: number, port: number): Promise<Diagnosis> {
  const before = usedBy(pid)
  await delay(SAMPLE)
  const used = usedBy(pid)
  const threads = threadsOf(pid)
  const recently = before === undefined || used === undefined ? undefined : used - before
  const waits = recently !== undefined && recently <= 5 * TICK && descendants(pid).every(id => threadsOf(id).every(isAsleep))
  const told = await askDebugger(pid, port) // last: to answer costs the process more than to wait
  const text = [
    recently === undefined
      ? ''
      : `In the last ${SAMPLE / 1000} s it used ${recently} ms of the processor: it ${waits ? 'waits' : 'works'}.`,
    ...told,
    ...threads.map(({ name, state, where }) => `thread ${name}: ${state} ${where}`),
  ]
  return { text: text.filter(Boolean).join('\n'), used, waits }
}

const isAsleep = ({ state }: Thread): boolean => state === 'S' || state === 'I' || state === 'Z'

const read = (path: string): string => {
  try {
    return readFileSync(path, 'utf8').trim()
  } catch {
    return '' // it has ended, or this system has no such files
  }
}

const folder = (path: string): string[] => {
  try {
    return readdirSync(path)
  } catch {
    return []
  }
}

function threadsOf(pid: number): Thread[] {
  return folder(`/proc/${pid}/task`).map(id => {
    const path = `/proc/${pid}/task/${id}`
    // After the name, which may hold anything: state, …, user time, system time.
    const fields = read(`${path}/stat`)
      .replace(/^.*\) /s, '')
      .split(' ')
    const used = (Number(fields[11]) + Number(fields[12])) * TICK
    return { name: read(`${path}/comm`), state: fields[0] ?? '', used, where: read(`${path}/wchan`) }
  })
}

/** A process and all that it started, as far as that has not come loose. */
function descendants(pid: number): number[] {
  const children = new Map<number, number[]>()
  for (const name of folder('/proc').filter(name => /^\d+$/.test(name))) {
    const parent = Number(
      read(`/proc/${name}/stat`)
        .replace(/^.*\) /s, '')
        .split(' ')[1],
    )
    children.set(parent, [...(children.get(parent) ?? []), Number(name)])
  }
  const found = [pid]
  for (const id of found) found.push(...(children.get(id) ?? []))
  return found
}

function usedBy(pid: number): number | undefined {
  if (threadsOf(pid).length === 0) return undefined
  return descendants(pid).reduce((sum, id) => sum + threadsOf(id).reduce((all, { used }) => all + used, 0), 0)
}

/** What the program itself knows: whoever subscribes adds lines. Evaluated in the test process. */
const QUESTION = `(lines => {
  process.getBuiltinModule('node:diagnostics_channel').channel('signet:test-silent').publish(lines)
  return ['it waits for: ' + process.getActiveResourcesInfo().join(', '), ...lines].join('\\n')
})([])`

type Frame = { functionName: string; location: { scriptId: string; lineNumber: number } }

/** Works in a loop that never ends too, but not while native code keeps the thread. */
async function askDebugger(pid: number, port: number): Promise<string[]> {
  const signal = AbortSignal.timeout(ANSWER)
  try {
    process.kill(pid, 'SIGUSR1')
    const socket = await connected(port, signal)
    try {
      return await questions(socket, signal)
    } finally {
      socket.close()
    }
  } catch (error) {
    return [`Its debugger does not answer (${(error as Error).message}): it is in native code, or has no processor to itself.`]
  }
}

async function connected(port: number, signal: AbortSignal): Promise<WebSocket> {
  for (;;) {
    try {
      const targets = (await (await fetch(`http://127.0.0.1:${port}/json/list`, { signal })).json()) as { webSocketDebuggerUrl: string }[]
      const socket = new WebSocket(targets[0]!.webSocketDebuggerUrl)
      await new Promise((resolve, reject) => {
        socket.addEventListener('open', resolve)
        socket.addEventListener('error', () => reject(new Error('no connection')))
        signal.addEventListener('abort', () => reject(signal.reason as Error))
      })
      return socket
    } catch (error) {
      signal.throwIfAborted()
      if (error instanceof SyntaxError) throw error
    }
    await delay(100) // until it listens
  }
}

async function questions(socket: WebSocket, signal: AbortSignal): Promise<string[]> {
  const answers = new Map<number, (result: { result?: { value?: unknown } }) => void>()
  const paused = Promise.withResolvers<Frame[]>()
  const scripts = new Map<string, string>()
  socket.addEventListener('message', ({ data }) => {
    const { id, result, method, params } = JSON.parse(String(data))
    if (id !== undefined) answers.get(id)?.(result ?? {})
    else if (method === 'Debugger.scriptParsed') scripts.set(params.scriptId, params.url)
    else if (method === 'Debugger.paused') paused.resolve(params.callFrames)
  })
  let asked = 0
  const ask = (method: string, params = {}) =>
    new Promise<{ result?: { value?: unknown } }>((resolve, reject) => {
      answers.set(++asked, resolve)
      signal.addEventListener('abort', () => reject(signal.reason as Error))
      socket.send(JSON.stringify({ id: asked, method, params }))
    })
  await ask('Debugger.enable')
  await ask('Debugger.pause')
  const frames = await Promise.race([paused.promise, delay(SAMPLE / 2)])
  if (frames) await ask('Debugger.resume')
  await ask('Debugger.disable')
  const { result } = await ask('Runtime.evaluate', { expression: QUESTION, returnByValue: true })
  const stack = frames
    ?.slice(0, FRAMES)
    .map(
      ({ functionName, location: { scriptId, lineNumber } }) =>
        `  at ${functionName || '(anonymous)'} (${scripts.get(scriptId)}:${lineNumber + 1})`,
    )
  return [...(stack ? ['It runs:', ...stack] : ['No JavaScript runs.']), String(result?.value)]
}
