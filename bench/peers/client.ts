/** The client that the peers know. */
export const PEER_CLIENT = { client_id: 'benchmark', client_secret: 'a secret of the benchmark that is long enough' }
/** Another, whose people's codes buy refresh tokens too. */
export const REFRESHING_CLIENT = { ...PEER_CLIENT, client_id: 'refreshing' }
/** Where codes are sent, by peers and by us. */
export const CALLBACK = 'https://app.example.org/callback'
