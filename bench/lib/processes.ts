import { execFileSync, type ChildProcess } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'

/** Ticks of the kernel's accounting in a second: the same on every Linux that Node runs on. */
const TICKS = 100

/** What a process has used of the machine so far: CPU of all its threads in ms, memory in MiB. */
export function usage(pid: number): { cpu: number; rss: number } {
  if (process.platform !== 'linux') return usageByPs(pid)
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
  // The program's name, in brackets, may hold anything; fields are counted from behind it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const rss = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  return { cpu: ((Number(fields[11]) + Number(fields[12])) * 1000) / TICKS, rss: Number(rss) / 1024 }
}

/**
 * Memory that a process holds, in MiB: `rss` is all of it, and `pss` has pages that several processes share (the program's own, of
 * Node) divided by how many those are. Where the kernel does not tell shares, there is `rss` alone.
 */
export function memory(pid: number): { rss: number; pss?: number } {
  if (process.platform !== 'linux') return { rss: usageByPs(pid).rss }
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8')
  const of = (name: string) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(text)![1]) / 1024
  return { rss: of('Rss'), pss: of('Pss') }
}

function usageByPs(pid: number): { cpu: number; rss: number } {
  const [rss, time = '0'] = execFileSync('ps', ['-o', 'rss=,time=', '-p', String(pid)], { encoding: 'utf8' })
    .trim()
    .split(/\s+/)
  const seconds = time.split(/[-:]/).reduce((sum, part) => sum * 60 + Number(part), 0)
  return { cpu: seconds * 1000, rss: Number(rss) / 1024 }
}

/** A port of the loopback interface that nobody listens on. */
export const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const probe = createServer()
    probe.once('error', reject)
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as AddressInfo
      probe.close(() => resolve(port))
    })
  })

/** Resolves when the process has ended. */
export const ended = (child: ChildProcess): Promise<void> =>
  new Promise(resolve => {
    if (child.exitCode !== null || child.signalCode !== null) resolve()
    else child.once('exit', () => resolve())
  })
