import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'

/** A way to a server that can be cut. */
export class Way {
  readonly port: number
  readonly #target: { host: string; port: number }
  readonly #sockets = new Set<Socket>()
  #server: Server | undefined
  constructor(port: number, target: { host: string; port: number }) {
    this.port = port
    this.#target = target
  }

  async open(): Promise<void> {
    const { host, port } = this.#target
    this.#server = createServer(near => {
      const far = connect(port, host)
      for (const socket of [near, far]) {
        this.#sockets.add(socket.on('error', () => {})) // whoever uses it is told
        socket.once('close', () => this.#sockets.delete(socket))
      }
      near.pipe(far).pipe(near)
    }).listen(this.port, '127.0.0.1')
    await once(this.#server, 'listening')
  }

  async cut(): Promise<void> {
    const closed = once(this.#server!, 'close')
    this.#server!.close()
    for (const socket of this.#sockets) socket.destroy()
    await closed
  }
}
