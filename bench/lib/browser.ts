import { Jar } from './jar.ts'
import type { Answer, Connection } from './load.ts'

const FLOW = '/api/v3/flows/executor/default-authentication-flow/?query='

/** One visitor who has not been here before: cookies of its own, over a connection that others may have used. */
export class Browser {
  readonly #connection: Connection
  readonly #address: string | undefined
  readonly #jar: Jar

  /**
   * @param address as which a proxy in front would name the visitor
   * @param jar where its cookies are kept, for whoever goes on with them
   */
  constructor(connection: Connection, address?: string, jar = new Jar()) {
    this.#connection = connection
    this.#address = address
    this.#jar = jar
  }

  async #send(method: string, path: string, body?: object): Promise<Answer> {
    const csrf = this.#jar.get('authentik_csrf')
    const answer = await this.#connection.send({
      method,
      path,
      headers: {
        ...(this.#address !== undefined && { 'x-forwarded-for': this.#address }),
        ...this.#jar.headers,
        ...(csrf && { 'x-authentik-csrf': csrf }),
        ...(body && { 'content-type': 'application/json' }),
      },
      ...(body && { body: JSON.stringify(body) }),
    })
    this.#jar.keep(answer)
    return answer
  }

  /** A step of the default sign-in; follows the executor's redirects to the next challenge. */
  async step(body?: object): Promise<Record<string, unknown>> {
    let answer = await this.#send(body ? 'POST' : 'GET', FLOW, body)
    for (let hop = 0; answer.status === 302 && hop < 5; hop++) answer = await this.#send('GET', String(answer.headers['location']))
    if (answer.status !== 200) throw new Error(`the flow answered ${answer.status}: ${answer.text.slice(0, 300)}`)
    return JSON.parse(answer.text) as Record<string, unknown>
  }

  /** Opens the sign-in page's flow and gives the name; the next answer decides. */
  async identify(username: string): Promise<Record<string, unknown>> {
    await this.step()
    return this.step({ component: 'ak-stage-identification', uid_field: username })
  }

  /** The password of the account that was named. */
  password(password: string): Promise<Record<string, unknown>> {
    return this.step({ component: 'ak-stage-password', password })
  }

  /** The whole sign-in, as the default flow has it. */
  async signIn(username: string, password: string): Promise<void> {
    const asked = await this.identify(username)
    if (asked['component'] !== 'ak-stage-password') throw new Error(`${String(asked['component'])} instead of the password`)
    const done = await this.password(password)
    if (done['component'] !== 'xak-flow-redirect') throw new Error(`not signed in: ${JSON.stringify(done).slice(0, 300)}`)
  }
}
