/** The client that the peers know. */
export const PEER_CLIENT = { client_id: 'benchmark', client_secret: 'a secret of the benchmark that is long enough' }
