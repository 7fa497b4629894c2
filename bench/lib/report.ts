import { execFileSync } from 'node:child_process'
import { arch, availableParallelism, cpus, loadavg, platform, release, totalmem } from 'node:os'

/** One line of the table. */
export type Row = {
  /** What was measured, e.g. `users: page 2500`. */
  case: string
  /** Numbers by their name with its unit, e.g. `{ 'p95 ms': 12.3 }`. */
  figures: Record<string, number>
  /** ms of CPU that the measured process spent for one operation. */
  cpu?: number
  /** What this case does in a time, or with an amount of CPU, divided by what another does in the same run. */
  ratio?: { to: string; value: number }
  /** What was aimed at, and whether it was reached. */
  goal?: { text: string; met: boolean }
}

/** Where and on what a run took place: without it a number says nothing. */
export type Circumstances = {
  at: string
  machine: string
  system: string
  versions: Record<string, string>
  /** Runnable processes over the last minute before the first measurement; near 0 on a quiet machine. */
  load_at_start: number
}

export function circumstances(now: Date): Circumstances {
  return {
    at: now.toISOString(),
    machine: `${cpus()[0]?.model.trim() || arch()}, ${availableParallelism()} cores, ${Math.round(totalmem() / 2 ** 30)} GiB`,
    system: `${platform()} ${release()}`,
    versions: {
      signet: revision(),
      node: process.version.slice(1),
      sqlite: process.versions['sqlite'] ?? '',
      openssl: process.versions.openssl ?? '',
    },
    load_at_start: round(loadavg()[0]!),
  }
}

/** The commit that was measured, with a `+` when files differ from it. */
function revision(): string {
  try {
    const git = (...args: string[]) =>
      execFileSync('git', args, { cwd: import.meta.dirname, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()
    return `${git('rev-parse', '--short', 'HEAD')}${git('status', '--porcelain', '--', '../src') === '' ? '' : '+'}`
  } catch {
    return 'unknown' // a copy without its history
  }
}

const round = (value: number) => Math.round(value * 100) / 100
/** Three significant digits, and no more than are true. */
const show = (value: number) => (Math.abs(value) >= 100 ? String(Math.round(value)) : String(Number(value.toPrecision(3))))

/** The rows as a table for people, circumstances first. */
export function table(about: Circumstances, rows: readonly Row[]): string {
  const lines = rows.map(row => [
    row.case,
    Object.entries(row.figures)
      .map(([name, value]) => `${name} ${show(value)}`)
      .join(', '),
    row.cpu === undefined ? '' : `${show(row.cpu)} ms`,
    row.ratio === undefined ? '' : `${show(row.ratio.value)} × ${row.ratio.to}`,
    row.goal === undefined ? '' : `${row.goal.text}: ${row.goal.met ? 'met' : 'MISSED'}`,
  ])
  const head = ['case', 'measured', 'CPU/op', 'ratio', 'goal']
  const widths = head.map((title, column) => Math.max(title.length, ...lines.map(line => line[column]!.length)))
  const text = (cells: string[]) => `| ${cells.map((cell, column) => cell.padEnd(widths[column]!)).join(' | ')} |`
  const versions = Object.entries(about.versions)
    .map(([name, version]) => `${name} ${version}`)
    .join(', ')
  return [
    `${about.machine}; ${about.system}; ${versions}`,
    `${about.at}, load at start ${about.load_at_start}`,
    '',
    text(head),
    text(widths.map(width => '-'.repeat(width))),
    ...lines.map(text),
  ].join('\n')
}
