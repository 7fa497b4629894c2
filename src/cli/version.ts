import { API_VERSION, VERSION } from '../version.ts'
import type { Command } from './command.ts'

export const version: Command = {
  arguments: '',
  help: 'Prints the version of this program and of the API that it speaks.',
  async run({ stdout }) {
    stdout.write(`signet ${VERSION} (API ${API_VERSION})\n`)
  },
}
