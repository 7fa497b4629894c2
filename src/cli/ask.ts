import { CommandError, type Terminal } from './command.ts'

/** Answers to questions at a terminal, typed without being shown; lines of stdin where that is no terminal. */
export type Answers = { next: (question: string) => Promise<string>; close: () => void }

const LIMIT = 65_536 // characters of piped input

export function secretAnswers({ stdin, stderr }: Terminal): Answers {
  return stdin.isTTY ? typed({ stdin, stderr }) : piped(stdin)
}

/** All of stdin is read at the first question; a line for each. */
function piped(stdin: Terminal['stdin']): Answers {
  let lines: string[] | undefined
  const readAll = async () => {
    let text = ''
    for await (const chunk of stdin) {
      text += String(chunk)
      if (text.length > LIMIT) throw new CommandError('The input is too long.')
    }
    return text.replace(/\r?\n$/, '').split(/\r?\n/)
  }
  return {
    async next() {
      lines ??= await readAll()
      const line = lines.shift()
      if (line === undefined) throw new CommandError('The input ended before the question was answered.')
      return line
    },
    close: () => {},
  }
}

function typed({ stdin, stderr }: Pick<Terminal, 'stdin' | 'stderr'>): Answers {
  let pending = ''
  const ask = () =>
    new Promise<string>((resolve, reject) => {
      const done = (finish: () => void) => {
        stdin.off('data', take)
        stdin.pause()
        stderr.write('\n')
        finish()
      }
      const take = (chunk: string | Buffer) => {
        for (const character of String(chunk)) {
          if (character === '\r' || character === '\n') {
            const line = pending
            pending = ''
            return done(() => resolve(line))
          }
          if (character === '\u0003' || character === '\u0004') return done(() => reject(new CommandError('Aborted.')))
          pending = character === '\u007F' || character === '\b' ? [...pending].slice(0, -1).join('') : pending + character
        }
      }
      stdin.on('data', take)
      stdin.resume()
    })
  stdin.setRawMode?.(true)
  return {
    next: async question => {
      stderr.write(question)
      return ask()
    },
    close: () => void stdin.setRawMode?.(false),
  }
}
