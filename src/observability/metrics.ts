import type { Registry } from 'prom-client'
import { Counter, Gauge, Histogram } from 'prom-client'
import { boundedLabel } from './bounded-label.ts'

/** Surfaces that answer requests; the values of the label `dest`. */
export const DESTINATIONS = [
  'core',
  'api',
  'flow',
  'oauth2',
  'saml',
  'proxy',
  'embedded_outpost',
  'static',
  'websocket',
  'health',
  'other',
] as const
export type Destination = (typeof DESTINATIONS)[number]

const METHODS = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])
// Seconds. Answers from memory take well under a millisecond, a password check some 20, a slow upstream seconds.
const BUCKETS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
const MAX_NAMES = 200
/** What waits to be counted, until somebody looks. */
const MOST_UNCOUNTED = 500

/**
 * Gathers what is to be counted, until there is much or somebody looks: what the library does for one, with the memory it touches, costs ten
 * times as much between two requests.
 */
function gathering<T>(count: (one: T) => void) {
  const uncounted: T[] = []
  const collect = () => uncounted.splice(0).forEach(count)
  return {
    collect,
    add: (one: T): void => {
      uncounted.push(one)
      if (uncounted.length >= MOST_UNCOUNTED) collect()
    },
  }
}

/** The metrics of this program in a registry. Names are those that dashboards for this protocol know. */
export type Metrics = ReturnType<typeof makeMetrics>

/**
 * Registers all metrics; one registry takes them once. Labels come from fixed lists, or are bounded: behind the first 200 values
 * of a label further ones are counted as `other`, since each value takes memory for ever.
 */
export function makeMetrics(registry: Registry) {
  const registers = [registry]
  const gauge = (name: string, help: string, labelNames: string[] = []) => new Gauge({ name, help, labelNames, registers })
  const histogram = (name: string, help: string, labelNames: string[]) => {
    const { add, collect } = gathering(({ labels, seconds }: { labels: Record<string, string>; seconds: number }) =>
      kept.observe(labels, seconds),
    )
    const kept = new Histogram({ name, help, labelNames, registers, buckets: BUCKETS, collect })
    return { observe: (labels: Record<string, string>, seconds: number) => add({ labels, seconds }) }
  }

  type Answered = { dest: Destination; name: string; status: number; seconds: number }
  const { add: answered, collect } = gathering(({ dest, name, status, seconds }: Answered) => {
    requestDuration.observe({ dest: DESTINATIONS.includes(dest) ? dest : 'other' }, seconds)
    requests.inc({ method: method(name) })
    responses.inc({ status: status >= 100 && status <= 599 ? String(status) : 'other' })
  })
  const requestDuration = new Histogram({
    name: 'authentik_main_request_duration_seconds',
    help: 'Time until a request was answered, by surface.',
    labelNames: ['dest'],
    registers,
    buckets: BUCKETS,
    collect,
  })
  const requests = new Counter({
    name: 'django_http_requests_total_by_method_total',
    help: 'Requests by method.',
    labelNames: ['method'],
    registers,
    collect,
  })
  const responses = new Counter({
    name: 'django_http_responses_total_by_status_total',
    help: 'Responses by status.',
    labelNames: ['status'],
    registers,
    collect,
  })
  const policyTime = histogram('authentik_policies_execution_time', 'Time one policy took.', ['policy_type', 'mode'])
  const engineTime = histogram('authentik_policies_engine_time_total_seconds', 'Time all policies of one object took.', ['obj_type'])
  const planTime = histogram('authentik_flows_plan_time', 'Time to plan a flow.', ['flow_slug'])
  const stageTime = histogram('authentik_flows_stage_time', 'Time a stage took to answer.', ['stage_type', 'method'])
  const executionTime = histogram('authentik_flows_execution_stage_time', 'Time of one step of a flow.', [
    'flow_slug',
    'stage_type',
    'method',
  ])
  const mappingTime = histogram('authentik_property_mapping_execution_time', 'Time a property mapping took.', ['mapping_name'])
  const taskTime = histogram('authentik_system_tasks_time_seconds', 'Time a job took.', ['task_name'])
  const tuning = gauge('signet_setting', 'Numeric settings in force.', ['key'])
  const flow = boundedLabel(MAX_NAMES)
  const stage = boundedLabel(MAX_NAMES)
  const policy = boundedLabel(MAX_NAMES)
  const target = boundedLabel(MAX_NAMES)
  const mapping = boundedLabel(MAX_NAMES)
  const task = boundedLabel(MAX_NAMES)
  const method = (name: string) => (METHODS.has(name.toUpperCase()) ? name.toUpperCase() : 'other')

  return {
    /** Counts an answered request. */
    request(dest: Destination, name: string, status: number, seconds: number): void {
      answered({ dest, name, status, seconds })
    },
    /** `mode`: how the answer came about. */
    policyExecuted: (type: string, mode: 'execute' | 'cache' | 'timeout', seconds: number): void =>
      policyTime.observe({ policy_type: policy(type), mode }, seconds),
    policiesEvaluated: (objectType: string, seconds: number): void => engineTime.observe({ obj_type: target(objectType) }, seconds),
    flowPlanned: (slug: string, seconds: number): void => planTime.observe({ flow_slug: flow(slug) }, seconds),
    stageAnswered: (type: string, name: string, seconds: number): void =>
      stageTime.observe({ stage_type: stage(type), method: method(name) }, seconds),
    flowStepped: (slug: string, type: string, name: string, seconds: number): void =>
      executionTime.observe({ flow_slug: flow(slug), stage_type: stage(type), method: method(name) }, seconds),
    mappingExecuted: (name: string, seconds: number): void => mappingTime.observe({ mapping_name: mapping(name) }, seconds),
    taskEnded: (name: string, seconds: number): void => taskTime.observe({ task_name: task(name) }, seconds),
    /** Shows the numeric settings among these entries. */
    settings(entries: readonly { key: string; value: unknown }[]): void {
      for (const { key, value } of entries) if (typeof value === 'number') tuning.set({ key }, value)
    },

    adminWorkers: gauge('authentik_admin_workers', 'Connected worker processes.', ['version', 'version_matched']),
    taskWorkers: gauge('authentik_tasks_workers', 'Jobs that can run at once.'),
    tasksQueued: gauge('authentik_tasks_queued', 'Jobs that wait.'),
    systemTasks: gauge('authentik_system_tasks', 'Scheduled jobs.', ['task_name']),
    /** 1 for the status of the last run. */
    systemTaskStatus: gauge('authentik_system_tasks_status', 'Status of the last run of a job.', ['task_name', 'status']),
    flowsCached: gauge('authentik_flows_cached', 'Flows held in memory, ready to be planned.'),
    policiesCached: gauge('authentik_policies_cached', 'Policies held in memory, ready to be asked. Their answers are never held.'),
    outpostsConnected: gauge('authentik_outposts_connected', 'Connected instances of an outpost.', ['outpost', 'uid', 'expected']),
    outpostsLastUpdate: gauge('authentik_outposts_last_update', 'When an outpost last reported, in seconds since 1970.', [
      'outpost',
      'uid',
      'version',
    ]),
  }
}

/** The registry in Prometheus' text format, with the content type to send it as. */
export const exposition = async (registry: Registry): Promise<{ contentType: string; text: string }> => ({
  contentType: registry.contentType,
  text: await registry.metrics(),
})
