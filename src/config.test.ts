import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ConfigSource } from './config.ts'
import { ConfigError, describeConfig, readConfig } from './config.ts'
import { formatCidr } from './lib/ip.ts'

const LONG_KEY = 'k'.repeat(50)

const source = (env: Record<string, string>, files: Record<string, string> = {}): ConfigSource => ({
  env,
  cwd: '/srv',
  readFile: path => {
    const text = files[path]
    if (text === undefined) throw Object.assign(new Error(`no ${path}`), { code: 'ENOENT' })
    return text
  },
  listFolder: folder =>
    Object.keys(files)
      .filter(path => path.startsWith(`${folder}/`))
      .map(path => path.slice(folder.length + 1)),
})
const read = (env: Record<string, string>, files?: Record<string, string>) => readConfig(source(env, files))
const entry = (env: Record<string, string>, key: string, files?: Record<string, string>) =>
  describeConfig(read(env, files)).find(item => item.key === key)
const problems = (env: Record<string, string>, files?: Record<string, string>) => {
  try {
    read(env, files)
  } catch (error) {
    assert.ok(error instanceof ConfigError)
    return error.problems
  }
  return []
}

test('without variables everything has its default', () => {
  const config = read({})
  assert.equal(config.secret_key, null)
  assert.equal(config.data_dir, '/srv/data')
  assert.deepEqual(config.database, { engine: 'sqlite', path: '/srv/data/signet.db' })
  assert.deepEqual(config.listen.http, [{ host: '::', port: 9000 }])
  assert.deepEqual(config.listen.https, [{ host: '::', port: 9443 }])
  assert.deepEqual(config.listen.trusted_proxy_cidrs.map(formatCidr), [
    '127.0.0.0/8',
    '10.0.0.0/8',
    '172.16.0.0/12',
    '192.168.0.0/16',
    'fe80::/10',
    '::1/128',
  ])
  assert.equal(config.sessions.unauthenticated_age, 86_400_000)
  assert.equal(config.web.path, '/')
  assert.equal(config.web.timeout_http_idle, 120_000)
  assert.equal(config.storage.file.path, '/srv/data')
  assert.equal(config.cookie_domain, null)
  assert.deepEqual(config.throttle.providers.oauth2.device, { count: 20, periodSeconds: 3_600 })
  assert.equal(config.bootstrap_email, 'root@example.com')
  assert.equal(config.log_level, 'info')
  assert.deepEqual(config.warnings, [])
  assert.ok(config.entries.every(item => item.source === 'default'))
})

test('the configuration is frozen to the bottom', () => {
  const config = read({})
  assert.throws(() => Object.assign(config.web, { threads: 9 }), TypeError)
  assert.throws(() => (config.listen.http as unknown[]).push(1), TypeError)
  assert.throws(() => Object.assign(config.throttle.default, { count: 9 }), TypeError)
})

test('tuning is visible with its source (R-444)', () => {
  const env = {
    AUTHENTIK_WEB__WORKERS: '3',
    AUTHENTIK_WEB__THREADS: '4',
    AUTHENTIK_CACHE__TIMEOUT_FLOWS: '1800',
    AUTHENTIK_CACHE__TIMEOUT_POLICIES: '900',
    AUTHENTIK_WORKER__THREADS: '4',
  }
  const cases: [string, number, number][] = [
    ['web.workers', 3, 2],
    ['web.threads', 4, 4],
    ['cache.timeout_flows', 1800, 300],
    ['cache.timeout_policies', 900, 300],
    ['worker.threads', 4, 2],
  ]
  for (const [key, set, initial] of cases) {
    assert.equal(entry(env, key)?.value, set, key)
    assert.equal(entry({}, key)?.value, initial, key)
  }
  assert.equal(entry(env, 'web.workers')?.source, 'AUTHENTIK_WEB__WORKERS')
  assert.equal(entry({}, 'web.workers')?.source, 'default')
})

test('SIGNET_ goes before AUTHENTIK_, names are read in any case', () => {
  assert.equal(read({ AUTHENTIK_WEB__THREADS: '8', SIGNET_WEB__THREADS: '6' }).web.threads, 6)
  assert.equal(read({ authentik_Web__Threads: '8' }).web.threads, 8)
  assert.equal(entry({ signet_web__threads: '6' }, 'web.threads')?.source, 'signet_web__threads')
  assert.equal(read({ SIGNET_WEB__THREADS: '', AUTHENTIK_WEB__THREADS: '8' }).web.threads, 8)
})

test('an empty variable is unset, except where an empty text or list is a value', () => {
  const config = read({
    AUTHENTIK_WEB__THREADS: '',
    AUTHENTIK_SECRET_KEY: '',
    AUTHENTIK_POSTGRESQL__HOST: '',
    AUTHENTIK_COOKIE_DOMAIN: '',
    AUTHENTIK_DEBUG: '',
    AUTHENTIK_EMAIL__HOST: '',
    AUTHENTIK_LISTEN__LDAP: '',
    AUTHENTIK_LISTEN__TRUSTED_PROXY_CIDRS: '',
  })
  assert.equal(config.web.threads, 4)
  assert.equal(config.secret_key, null)
  assert.equal(config.database.engine, 'sqlite')
  assert.equal(config.cookie_domain, null)
  assert.equal(config.debug, false)
  assert.equal(config.email.host, '')
  assert.deepEqual(config.listen.ldap, [])
  assert.deepEqual(config.listen.trusted_proxy_cidrs, [])
})

test('JSON values are taken as JSON, texts keep what only looks like a number', () => {
  const config = read({
    AUTHENTIK_LOG__HTTP_HEADERS: '["User-Agent", "X-Request-Id"]',
    AUTHENTIK_EMAIL__PASSWORD: '"in quotes"',
    AUTHENTIK_EMAIL__USERNAME: '007',
    AUTHENTIK_EMAIL__USE_TLS: 'True',
    AUTHENTIK_COOKIE_DOMAIN: 'null',
    AUTHENTIK_POSTGRESQL__CONN_MAX_AGE: 'null',
    AUTHENTIK_HTTP_TIMEOUT: '2.5',
  })
  assert.deepEqual(config.log.http_headers, ['User-Agent', 'X-Request-Id'])
  assert.equal(config.email.password, 'in quotes')
  assert.equal(config.email.username, '007')
  assert.equal(config.email.use_tls, true)
  assert.equal(config.cookie_domain, null)
  assert.equal(config.postgresql.conn_max_age, null)
  assert.equal(config.http_timeout, 2.5)
})

test('values may be kept in other variables and in files', () => {
  const env = {
    AUTHENTIK_SECRET_KEY: 'file:///run/secrets/key',
    AUTHENTIK_EMAIL__PASSWORD: 'env://MAIL',
    MAIL: 'file:///not/followed',
    AUTHENTIK_EMAIL__HOST: 'env://NOWHERE?mail.example',
    AUTHENTIK_WORKER__THREADS: 'file:///gone?7',
  }
  const files = { '/run/secrets/key': `${LONG_KEY}\n` }
  const config = read(env, files)
  assert.equal(config.secret_key, LONG_KEY)
  assert.equal(config.email.password, 'file:///not/followed')
  assert.equal(config.email.host, 'mail.example')
  assert.equal(config.worker.threads, 7)
  assert.equal(entry(env, 'secret_key', files)?.source, 'AUTHENTIK_SECRET_KEY → file:///run/secrets/key')
  assert.deepEqual(config.warnings, ['AUTHENTIK_WORKER__THREADS: file:///gone cannot be read (ENOENT); its default "7" is used'])
})

test('a pointer to nothing stops the start rather than leave a secret empty', () => {
  assert.deepEqual(problems({ AUTHENTIK_SECRET_KEY: 'file:///gone', AUTHENTIK_EMAIL__PASSWORD: 'env://GONE' }), [
    { variable: 'AUTHENTIK_SECRET_KEY', held: 'file:///gone (ENOENT)', expected: 'a readable file, or a default after "?"' },
    { variable: 'AUTHENTIK_EMAIL__PASSWORD', held: 'env://GONE', expected: 'GONE to be set, or a default after "?"' },
  ])
})

test('bootstrap variables are taken as they stand', () => {
  const config = read({
    AUTHENTIK_BOOTSTRAP_PASSWORD: 'file:///x',
    AUTHENTIK_BOOTSTRAP_TOKEN: '"t"',
    AUTHENTIK_BOOTSTRAP_EMAIL: 'a@b.example',
  })
  assert.equal(config.bootstrap_password, 'file:///x')
  assert.equal(config.bootstrap_token, '"t"')
  assert.equal(config.bootstrap_email, 'a@b.example')
  assert.equal(read({ AUTHENTIK_BOOTSTRAP_PASSWORD: 'null' }).bootstrap_password, 'null')
})

test('all wrong values are told at once, secrets hidden', () => {
  assert.deepEqual(
    problems({
      AUTHENTIK_WEB__THREADS: 'many',
      SIGNET_LISTEN__HTTP: '[::]:99999',
      AUTHENTIK_LISTEN__TRUSTED_PROXY_CIDRS: '10.0.0.0/40',
      AUTHENTIK_SESSIONS__UNAUTHENTICATED_AGE: '1 day',
      AUTHENTIK_EMAIL__USE_TLS: 'maybe',
    }),
    [
      { variable: 'SIGNET_LISTEN__HTTP', held: '"[::]:99999"', expected: 'a list of addresses such as 0.0.0.0:9000 or [::]:9000' },
      {
        variable: 'AUTHENTIK_LISTEN__TRUSTED_PROXY_CIDRS',
        held: '"10.0.0.0/40"',
        expected: 'a list of address blocks such as 10.0.0.0/8,fe80::/10',
      },
      { variable: 'AUTHENTIK_EMAIL__USE_TLS', held: '"maybe"', expected: 'true or false' },
      { variable: 'AUTHENTIK_SESSIONS__UNAUTHENTICATED_AGE', held: '"1 day"', expected: "a duration such as 'hours=1;minutes=30'" },
      { variable: 'AUTHENTIK_WEB__THREADS', held: '"many"', expected: 'a whole number from 1' },
    ],
  )
  const hidden = problems({ AUTHENTIK_POSTGRESQL__HOST: 'db', AUTHENTIK_POSTGRESQL__CONN_OPTIONS: 'pa55word' })
  assert.deepEqual(hidden, [{ variable: 'AUTHENTIK_POSTGRESQL__CONN_OPTIONS', held: '******', expected: 'base64 of a JSON object' }])
  assert.equal(problems({ AUTHENTIK_EMAIL__USE_TLS: 'true', AUTHENTIK_EMAIL__USE_SSL: 'true' })[0]?.variable, 'AUTHENTIK_EMAIL__USE_SSL')
  assert.throws(() => read({ AUTHENTIK_LOG_LEVEL: 'loud' }), {
    message: 'AUTHENTIK_LOG_LEVEL: got "loud", expected one of trace, debug, info, warn, error, fatal, silent',
  })
})

test('each kind of value knows its edges', () => {
  const good: [string, string, unknown][] = [
    ['LISTEN__HTTP', ':8080', [{ host: '::', port: 8080 }]],
    ['LISTEN__HTTP', '8080', [{ host: '::', port: 8080 }]],
    [
      'LISTEN__HTTP',
      '127.0.0.1:0, [::1]:80',
      [
        { host: '127.0.0.1', port: 0 },
        { host: '::1', port: 80 },
      ],
    ],
    ['WEB__PATH', 'auth', '/auth/'],
    ['WEB__PATH', '/a/b', '/a/b/'],
    ['WEB__TIMEOUT_HTTP_READ', '1m30s', 90_000],
    ['WEB__TIMEOUT_HTTP_READ', '250ms', 250],
    ['WEB__TIMEOUT_HTTP_READ', '7', 7_000],
    ['LOG_LEVEL', 'WARNING', 'warn'],
    ['COOKIE_DOMAIN', '.Example.com', '.example.com'],
    ['PUBLIC_URL', 'https://id.example/auth/', 'https://id.example/auth'],
    ['THROTTLE__DEFAULT', '5/m', { count: 5, periodSeconds: 60 }],
    ['BLUEPRINTS_DIR', 'mine', '/srv/mine'],
    ['WEB__MAX_REQUESTS', '0', 0],
  ]
  for (const [name, value, expected] of good) {
    let at: unknown = read({ [`AUTHENTIK_${name}`]: value })
    for (const part of name.toLowerCase().split('__')) at = (at as Record<string, unknown>)[part]
    assert.deepEqual(at, expected, `${name}=${value}`)
  }
  const bad: [string, string][] = [
    ['LISTEN__HTTP', 'example.com:80'],
    ['LISTEN__HTTP', '::1:80'],
    ['LISTEN__HTTP', '[127.0.0.1]:80'],
    ['WEB__PATH', '/../x'],
    ['WEB__PATH', '/a b'],
    ['WEB__PATH', '/a//b'],
    ['WEB__TIMEOUT_HTTP_READ', '5x'],
    ['WEB__THREADS', '0'],
    ['WEB__THREADS', '1.5'],
    ['WEB__THREADS', '1e3'],
    ['COOKIE_DOMAIN', 'exa mple'],
    ['COOKIE_DOMAIN', 'a;b'],
    ['PUBLIC_URL', 'javascript:alert(1)'],
    ['PUBLIC_URL', 'https://u:p@id.example'],
    ['THROTTLE__DEFAULT', '5/week'],
    ['EMAIL__PORT', '65536'],
    ['SESSIONS__UNAUTHENTICATED_AGE', 'days=-1'],
    ['STORAGE__BACKEND', 'tape'],
  ]
  for (const [name, value] of bad) assert.equal(problems({ [`AUTHENTIK_${name}`]: value }).length, 1, `${name}=${value}`)
})

test('a PostgreSQL host selects PostgreSQL', () => {
  const env = {
    AUTHENTIK_POSTGRESQL__HOST: 'db1,db2',
    AUTHENTIK_POSTGRESQL__PORT: '5432,5433',
    POSTGRES_PASSWORD: 'pw',
    AUTHENTIK_POSTGRESQL__SSLMODE: 'verify-full',
    AUTHENTIK_POSTGRESQL__SSLROOTCERT: '/ca.pem',
    AUTHENTIK_POSTGRESQL__DISABLE_SERVER_SIDE_CURSORS: 'true',
    AUTHENTIK_POSTGRESQL__CONN_OPTIONS: Buffer.from('{"application_name":"x"}').toString('base64'),
  }
  assert.deepEqual(read(env, { '/ca.pem': 'PEM' }).database, {
    engine: 'postgres',
    hosts: [
      { host: 'db1', port: 5432 },
      { host: 'db2', port: 5433 },
    ],
    database: 'authentik',
    user: 'authentik',
    password: 'pw',
    schema: 'public',
    tls: { mode: 'verify-full', ca: 'PEM', cert: null, key: null },
    poolSize: 10,
    idleSeconds: 0,
    prepared: false,
    options: { application_name: 'x' },
  })
  assert.equal(entry(env, 'postgresql.password', { '/ca.pem': 'PEM' })?.source, 'POSTGRES_PASSWORD')
  assert.equal(problems({ ...env, AUTHENTIK_POSTGRESQL__PORT: '1,2,3' }, { '/ca.pem': 'PEM' }).length, 1)
  assert.equal(problems(env)[0]?.expected, 'a PEM text or the path of a readable file')
})

test('secrets never show in the listing', () => {
  const env = {
    AUTHENTIK_SECRET_KEY: LONG_KEY,
    AUTHENTIK_POSTGRESQL__HOST: 'db',
    AUTHENTIK_POSTGRESQL__PASSWORD: 'hunter2',
    AUTHENTIK_BOOTSTRAP_TOKEN: 'hunter2',
    AUTHENTIK_EMAIL__PASSWORD: 'hunter2',
    AUTHENTIK_STORAGE__S3__SECRET_KEY: 'hunter2',
    AUTHENTIK_TENANTS__API_KEY: 'hunter2',
  }
  const listing = JSON.stringify(describeConfig(read(env)))
  assert.ok(!listing.includes('hunter2') && !listing.includes(LONG_KEY))
  assert.equal(entry(env, 'secret_key')?.value, '******')
  assert.equal(entry({}, 'secret_key')?.value, null)
})

test('unknown names are warned about, those of the platform are not', () => {
  const warnings = read({
    AUTHENTIK_WEB__THREDS: '4',
    SIGNET_NOVELTY: '1',
    AUTHENTIK_REDIS__HOST: 'redis',
    AUTHENTIK_IMAGE: 'x',
    AUTHENTIK_TAG: 'y',
    PATH: '/bin',
    AUTHENTIK_SERVER_SERVICE_HOST: '10.0.0.1',
    AUTHENTIK_SERVER_PORT_9000_TCP_ADDR: '10.0.0.1',
    AUTHENTIK_PORT: 'tcp://10.0.0.1:80',
    AUTHENTIK___PROTO__: 'x',
    AUTHENTIK_POSTGRESQL__READ_REPLICAS__0__HOST: 'db2',
  }).warnings
  assert.deepEqual(warnings, [
    'AUTHENTIK_WEB__THREDS is not a setting',
    'SIGNET_NOVELTY is not a setting',
    'AUTHENTIK_REDIS__HOST has no effect: there is no Redis here',
    'AUTHENTIK___PROTO__ is not a setting',
    'AUTHENTIK_POSTGRESQL__READ_REPLICAS__0__HOST has no effect: read replicas are not used: every query goes to the main database',
  ])
  assert.deepEqual(read({ AUTHENTIK_SECRET_KEY: 'short' }).warnings, ['secret_key is shorter than 32 characters'])
})

test('what is set and has no effect is warned about, unless it is set to what holds anyway', () => {
  const warnings = read({
    AUTHENTIK_BLUEPRINTS_DIR: '/etc/blueprints',
    AUTHENTIK_CERT_DISCOVERY_DIR: '/certs',
    SIGNET_WEB__WORKERS: '8',
    AUTHENTIK_STORAGE__MEDIA__BACKEND: 's3',
    AUTHENTIK_DISABLE_UPDATE_CHECK: 'true',
    AUTHENTIK_WORKER__THREADS: '3',
  }).warnings
  assert.deepEqual(warnings, [
    'SIGNET_WEB__WORKERS has no effect: one process does all the work; for more, start more of them over one PostgreSQL',
    'AUTHENTIK_STORAGE__MEDIA__BACKEND has no effect: files are kept on the disk',
    'AUTHENTIK_BLUEPRINTS_DIR has no effect: no folder is watched yet; apply a file with: signet apply_blueprint',
  ])
})

test('configuration files go before defaults and behind variables; the later file wins', () => {
  const files = {
    '/etc/authentik/config.yml': 'web: {threads: 5, workers: 5, max_requests: 5}\n',
    '/etc/authentik/config.d/20-b.yml': 'web:\n  workers: 7\nlog:\n  http_headers: [A, B]\ncookie_domain: null\n',
    '/etc/authentik/config.d/10-a.yml': 'web:\n  workers: 6\n  max_requests: 6\nnews: 1\n',
    '/etc/authentik/config.d/notes.txt': ':',
  }
  const config = read({ AUTHENTIK_WEB__THREADS: '9' }, files)
  assert.deepEqual([config.web.threads, config.web.workers, config.web.max_requests], [9, 7, 6])
  assert.deepEqual(config.log.http_headers, ['A', 'B'])
  assert.equal(config.cookie_domain, null)
  assert.equal(entry({}, 'web.workers', files)?.source, '/etc/authentik/config.d/20-b.yml')
  const processes = 'one process does all the work; for more, start more of them over one PostgreSQL'
  assert.deepEqual(config.warnings, [
    '/etc/authentik/config.d/10-a.yml: news is not a setting',
    `/etc/authentik/config.d/20-b.yml: web.workers has no effect: ${processes}`,
    `AUTHENTIK_WEB__THREADS has no effect: ${processes}`,
  ])
  assert.equal(problems({}, { '/etc/authentik/config.yml': 'a: [' })[0]?.expected, 'a readable YAML file')
})
