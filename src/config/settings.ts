import type { Setting } from './kinds.ts'
import {
  cidrs,
  cookieDomain,
  decimal,
  duration,
  flag,
  idle,
  integer,
  listeners,
  logLevel,
  oneOf,
  optional,
  path,
  pathInDataDir,
  rate,
  reachable,
  secret,
  text,
  texts,
  timeLimit,
  url,
  urlPath,
} from './kinds.ts'

const ONE_PROCESS = 'one process does all the work; for more, start more of them over one PostgreSQL'
const NO_LDAP = 'there is no LDAP server here yet'
const NO_OUTPOST = 'this program does not run as an outpost of another server yet'
const NO_TIMEOUT = 'what is kept in memory is kept until it changes'
const FILES_ONLY = 'files are kept on the disk'
const NO_REPORTS = 'errors are reported to the log and to nobody else'

const s3 = () => ({
  region: idle(optional(text('')), FILES_ONLY),
  use_ssl: idle(flag(true), FILES_ONLY),
  endpoint: idle(optional(text('')), FILES_ONLY),
  access_key: idle(optional(secret('')), FILES_ONLY),
  secret_key: idle(optional(secret('')), FILES_ONLY),
  session_profile: idle(optional(text('')), FILES_ONLY),
  bucket_name: idle(text('authentik-data'), FILES_ONLY),
  custom_domain: idle(optional(text('')), FILES_ONLY),
  secure_urls: idle(flag(true), FILES_ONLY),
})

/**
 * Every setting, where it stands in `Config` and, with `__` between the levels, in the environment:
 * `web.threads` is read from `SIGNET_WEB__THREADS`, then `AUTHENTIK_WEB__THREADS`.
 */
export const settings = {
  /** Signs sessions and seals stored secrets. null: made once and kept in the data directory. */
  secret_key: optional(secret('')),
  /** Where the embedded database, the secret key and uploads live. */
  data_dir: path('data'),
  /** Address of this server for links in mails; null: taken from the brand or the request. */
  public_url: optional(url('')),

  /** Used when `host` is set; otherwise the database is embedded. See `Config.database` for the digested form. */
  postgresql: {
    /** One host, or several with commas; a name that begins with `/` is the folder of a socket. */
    host: optional(text('')),
    /** One port for all hosts, or one for each. */
    port: text('5432'),
    name: text('authentik'),
    user: text('authentik'),
    password: secret(''),
    sslmode: oneOf('disable', ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full']),
    /** PEM text, or the path of a file that holds it; so are the next two. */
    sslrootcert: optional(text('')),
    sslcert: optional(text('')),
    sslkey: optional(secret('')),
    /** Seconds until an idle connection is closed; 0: as the pool sees fit; null: never. */
    conn_max_age: { ...optional(integer(0)), default: '0' },
    conn_health_checks: idle(flag(false)),
    /** True behind poolers that share connections between transactions: statements are not prepared by name. */
    disable_server_side_cursors: flag(false),
    default_schema: text('public'),
    /** Connections of one process at most. */
    pool_size: integer(10, { min: 1, max: 1_000 }),
    /** Base64 of a JSON object with options of libpq. */
    conn_options: optional(secret('')),
    use_pgbouncer: flag(false),
    use_pgpool: flag(false),
  },

  listen: {
    http: listeners('[::]:9000'),
    https: listeners('[::]:9443'),
    metrics: listeners('[::]:9300'),
    ldap: idle(listeners('[::]:3389'), NO_LDAP),
    ldaps: idle(listeners('[::]:6636'), NO_LDAP),
    radius: idle(listeners('[::]:1812'), 'there is no RADIUS server here yet'),
    /**
     * Whose X-Forwarded-* headers are believed. The default holds the private ranges, since reverse proxies on the same machine or
     * container network are the usual case; where strangers share such a network, narrow it to the proxy's own address, or set it empty.
     */
    trusted_proxy_cidrs: cidrs('127.0.0.0/8,10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,fe80::/10,::1/128'),
  },

  /** Of this process when it runs as an outpost of another server. */
  host: idle(optional(url('')), NO_OUTPOST),
  host_browser: idle(optional(url('')), NO_OUTPOST),
  token: idle(optional(secret('')), NO_OUTPOST),
  insecure: idle(flag(false), NO_OUTPOST),

  email: {
    host: text('localhost'),
    port: integer(25, { min: 1, max: 65_535 }),
    username: text(''),
    password: secret(''),
    /** STARTTLS. */
    use_tls: flag(false),
    /** TLS from the first byte; excludes `use_tls`. */
    use_ssl: flag(false),
    /** Seconds. */
    timeout: integer(10, { min: 1 }),
    from: text('authentik@localhost'),
    /** Folder with templates that go before the built-in ones. */
    template_dir: path('/templates'),
  },

  sessions: {
    /** Milliseconds (written as a duration): life of sessions nobody has signed in to, and of logins without a duration. */
    unauthenticated_age: duration('days=1'),
  },

  web: {
    workers: idle(integer(2, { min: 1 }), ONE_PROCESS),
    threads: idle(integer(4, { min: 1 }), ONE_PROCESS),
    /** Begins and ends with a slash. */
    path: urlPath('/'),
    max_requests: idle(integer(1_000)),
    max_requests_jitter: idle(integer(50)),
    /** Milliseconds (written as `5s`), as the next three; 0 is no limit. */
    timeout_http_read_header: timeLimit('5s'),
    timeout_http_read: timeLimit('30s'),
    timeout_http_write: timeLimit('60s'),
    timeout_http_idle: timeLimit('120s'),
    /** Asks everybody who comes over HTTPS for a certificate, for applications that prove themselves by one. Browsers may ask people about it. */
    client_certificates: flag(false),
    /** The header in which trusted proxies tell of the certificate that a client showed them; they must drop it from what clients send. */
    client_certificate_header: text(''),
  },

  worker: {
    processes: idle(integer(1, { min: 1 }), ONE_PROCESS),
    /** Jobs that run at once. */
    threads: integer(2, { min: 1 }),
    /** Milliseconds (written as a duration), as the others below. */
    consumer_listen_timeout: idle(duration('seconds=30')),
    task_max_retries: integer(5),
    task_default_time_limit: duration('minutes=10'),
    task_purge_interval: idle(duration('days=1')),
    task_expiration: duration('days=30'),
    scheduler_interval: duration('seconds=60'),
  },

  /** Seconds. */
  cache: {
    timeout: idle(integer(300), NO_TIMEOUT),
    timeout_flows: idle(integer(300), NO_TIMEOUT),
    timeout_policies: idle(integer(300), NO_TIMEOUT),
  },

  storage: {
    backend: idle(oneOf('file', ['file', 's3']), FILES_ONLY),
    file: { path: pathInDataDir() },
    s3: s3(),
    /** Values for one use that go before the common ones; null: the common one. */
    media: {
      backend: idle(optional(oneOf('file', ['file', 's3'])), FILES_ONLY),
      file: { path: optional(path('')) },
      s3: { bucket_name: idle(optional(text('')), FILES_ONLY) },
    },
    reports: {
      backend: idle(optional(oneOf('file', ['file', 's3'])), FILES_ONLY),
      file: { path: idle(optional(path(''))) },
      s3: { bucket_name: idle(optional(text('')), FILES_ONLY) },
    },
  },

  log_level: logLevel('info'),
  log: {
    /** Request headers that the access log may show. */
    http_headers: texts('User-Agent'),
  },
  debug: idle(flag(false), 'errors show what is inside to superusers alone; LOG_LEVEL=debug tells more'),

  cookie_domain: optional(cookieDomain()),

  error_reporting: {
    enabled: idle(flag(false), NO_REPORTS),
    sentry_dsn: idle(optional(secret('')), NO_REPORTS),
    environment: idle(text('customer')),
    send_pii: idle(flag(false)),
    sample_rate: idle(decimal(0.1, { max: 1 })),
  },
  // This program asks nobody for updates and tells nobody that it started.
  disable_update_check: idle(flag(false)),
  disable_startup_analytics: idle(flag(false)),

  outposts: {
    container_image_base: idle(text('ghcr.io/goauthentik/%(type)s:%(version)s')),
    discover: idle(flag(true)),
    disable_embedded_outpost: idle(flag(false)),
  },

  ldap: {
    page_size: integer(50, { min: 1 }),
    task_timeout_hours: decimal(2),
    tls: { ciphers: optional(text('')) },
  },

  reputation: {
    /** Seconds. */
    expiry: integer(86_400),
  },

  throttle: {
    default: idle(rate('1000/second'), 'how often each thing may be tried is fixed'),
    providers: { oauth2: { device: idle(rate('20/hour'), 'how often each thing may be tried is fixed') } },
  },

  /** Where Twilio takes text messages: another region of theirs, or a proxy of one's own. */
  twilio_url: url('https://api.twilio.com'),

  /** Seconds that requests to other servers may take. */
  http_timeout: decimal(30, { max: 86_400 }),
  /** Loopback, link-local and metadata addresses that requests to other servers may reach: blocks and hosts. Private networks are open. */
  outgoing_allow: reachable(''),
  /** Where leaked passwords are asked for, by the first five digits of their hash, which are put behind. */
  leaked_passwords_url: url('https://api.pwnedpasswords.com/range'),
  skip_migrations: flag(false),

  blueprints_dir: idle(path('/blueprints'), 'no folder is watched yet; apply a file with: signet apply_blueprint'),
  cert_discovery_dir: idle(path('/certs'), 'no folder is watched yet; store a pair with: signet import_certificate'),

  tenants: {
    enabled: idle(flag(false), 'an installation serves one tenant'),
    api_key: idle(secret(''), 'an installation serves one tenant'),
  },
  compliance: { fips: { enabled: idle(flag(false), 'cryptography is that of the Node.js that runs the program') } },
  events: { context_processors: { geoip: path('/geoip/GeoLite2-City.mmdb'), asn: path('/geoip/GeoLite2-ASN.mmdb') } },

  /** Of the first start alone; taken as they stand, without JSON, `env://` and `file://`. */
  bootstrap_email: { ...text('root@example.com'), raw: true, emptyIsValue: false },
  bootstrap_password: optional(secret('', { raw: true })),
  bootstrap_password_hash: optional(secret('', { raw: true })),
  bootstrap_token: optional(secret('', { raw: true })),
}

/** Settings that other products of this protocol know and this one has no use for: why, or null where silence is best. */
export const unused: ReadonlyMap<string, string | null> = new Map([
  ['postgresql.read_replicas', 'read replicas are not used: every query goes to the main database'],
  ['postgresql.replica_conn_options', 'read replicas are not used'],
  ['redis', 'there is no Redis here'],
  ['broker', 'there is no message broker here'],
  ['result_backend', 'there is no result backend here'],
  ['listen.debug', 'there is no debug listener'],
  ['listen.debug_py', 'there is no debug listener'],
  // What the usual compose file keeps in the same file as the settings.
  ['image', null],
  ['tag', null],
])

type Group = { readonly [key: string]: Setting<unknown> | Group }

/** The values that a group of settings stands for. */
export type ValuesOf<G> = { readonly [K in keyof G]: G[K] extends Setting<infer T> ? T : ValuesOf<G[K]> }

const isSetting = (value: unknown): value is Setting<unknown> => (value as { kind?: unknown }).kind === 'setting'

/** All settings in order, by their dotted key. */
export function allSettings(group: Group = settings as unknown as Group, prefix = ''): [key: string, setting: Setting<unknown>][] {
  return Object.entries(group).flatMap(([name, value]) =>
    isSetting(value) ? [[`${prefix}${name}`, value] as [string, Setting<unknown>]] : allSettings(value, `${prefix}${name}.`),
  )
}
