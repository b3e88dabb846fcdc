import { z } from 'zod';
import { CausewayError } from './error.ts';
import { eventBytesMaxLeast } from './event.ts';
import { defaultLaneLimits, runFull } from './lane.ts';
import { type AllowPrivate, privateNetworksExpected, privateNetworksIn } from './privateNetworks.ts';
import { type PayloadKeySource, payloadSourceProblem, type SecretKeySource, sourceProblem } from './secretKeys.ts';
import { trustedProxiesExpected, trustedProxiesIn } from './trustedProxies.ts';

function wholeNumber(from: number, to: number, unit: string, fallback: number) {
  const expected = `must be a whole number from ${from} to ${to} (${unit})`;
  return z
    .string()
    .regex(/^\d+$/, expected)
    .transform(Number)
    .refine((n) => n >= from && n <= to, expected)
    .default(fallback);
}

const hostAndPort = z
  .string()
  .refine(
    (text) => /^([^\s:/]+|\[[0-9a-fA-F:]+\]):\d{1,5}$/.test(text) && Number(text.split(':').at(-1)) <= 65_535,
    'must be host:port, for example 127.0.0.1:7233',
  );

const flag = (fallback: boolean) =>
  z
    .enum(['true', 'false'], { error: 'must be true or false' })
    .default(fallback ? 'true' : 'false')
    .transform((text) => text === 'true');

const privateNetworks = z.string().transform((text, context) => {
  const networks = privateNetworksIn(text);
  if (!networks) context.addIssue({ code: 'custom', message: privateNetworksExpected });
  return networks;
});

const databaseUrl = z
  .string({ error: 'must be set: postgres://user:password@host:port/database' })
  .refine(
    (text) => /^postgres(ql)?:\/\/\S+$/.test(text) && URL.canParse(text),
    'must be postgres://user:password@host:port/database',
  );

const apiKey = z
  .string()
  .regex(/^[A-Za-z0-9._~+/=-]{20,200}$/, 'must be 20 to 200 characters of A-Z a-z 0-9 . _ ~ + / = -');

/** Pages of these may ask the codec endpoint with the operator's cookie. */
const origins = z
  .string()
  .transform((text) => text.split(',').map((part) => part.trim()))
  .refine(
    (all) => all.every((one) => /^https?:/.test(one) && URL.canParse(one) && new URL(one).origin === one),
    'must be origins, comma-separated, for example https://temporal.example.com',
  );

const trustedProxies = z.string().transform((text, context) => {
  const proxies = trustedProxiesIn(text);
  if (!proxies) context.addIssue({ code: 'custom', message: trustedProxiesExpected });
  return proxies;
});

/** An address that browsers use, without a slash at its end. */
const webAddress = (form: RegExp, expected: string) =>
  z
    .string()
    .refine((text) => form.test(text) && URL.canParse(text), expected)
    .transform((text) => text.replace(/\/+$/, ''));

/** Where the key ring comes from: `read` below sees that it is one of them, and store/ reads it. */
const secretKeySource = {
  CAUSEWAY_SECRET_KEYS: z.string().optional(),
  CAUSEWAY_SECRET_KEYS_FILE: z.string().optional(),
  CAUSEWAY_SECRET_KEYS_COMMAND: z.string().optional(),
} satisfies { [name in keyof SecretKeySource]-?: z.ZodType };

/** The same for the keys of payloads, of which there need be none. */
const payloadKeySource = {
  CAUSEWAY_PAYLOAD_KEYS: z.string().optional(),
  CAUSEWAY_PAYLOAD_KEYS_FILE: z.string().optional(),
  CAUSEWAY_PAYLOAD_KEYS_COMMAND: z.string().optional(),
} satisfies { [name in keyof PayloadKeySource]-?: z.ZodType };

const privateSettings = {
  CAUSEWAY_ALLOW_PRIVATE_BROKERS: flag(false),
  CAUSEWAY_PRIVATE_NETWORKS: privateNetworks.optional(),
};

const shared = {
  LOG_LEVEL: z
    .enum(['trace', 'debug', 'info', 'warn', 'error'], { error: 'must be trace, debug, info, warn or error' })
    .default('info'),
  TEMPORAL_ADDRESS: hostAndPort.default('127.0.0.1:7233'),
  TEMPORAL_NAMESPACE: z.string().min(1, 'must not be empty').default('default'),
  TEMPORAL_TASK_QUEUE: z.string().min(1, 'must not be empty').default('causeway'),
  DATABASE_URL: databaseUrl,
  ...secretKeySource,
  ...payloadKeySource,
  ...privateSettings,
  CAUSEWAY_HASH_KEYS: flag(false),
};

/** A lane must continue as new well before it counts as full: a full one gets no event that could wake it to do so. */
const renewedBy = { historyEvents: runFull.historyEvents / 2, historyBytes: runFull.historyBytes / 2 };

const apiSchema = z.object({
  ...shared,
  CAUSEWAY_API_HOST: z.string().min(1, 'must not be empty').default('127.0.0.1'),
  CAUSEWAY_API_PORT: wholeNumber(0, 65_535, 'TCP port', 8080),
  CAUSEWAY_API_KEY: apiKey.optional(),
  CAUSEWAY_CODEC_ORIGINS: origins.optional(),
  CAUSEWAY_PUBLIC_URL: webAddress(
    /^https?:\/\/[^\s/@?#]+\/?$/,
    'must be scheme and host of the dashboard, without a path, for example https://causeway.example.com',
  )
    .transform((url) => new URL(url).origin)
    .optional(),
  CAUSEWAY_TRUSTED_PROXIES: trustedProxies.optional(),
  TEMPORAL_UI_URL: webAddress(
    /^https?:\/\/[^\s@?#]+$/,
    'must be the address of the Temporal UI, for example http://127.0.0.1:8233',
  ).optional(),
  CAUSEWAY_EVENT_BYTES_MAX: wholeNumber(eventBytesMaxLeast, 900_000, 'bytes', 256 * 1024),
  CAUSEWAY_WAITING_BYTES_MAX: wholeNumber(1_048_576, 4_294_967_296, 'bytes', 64 * 1024 * 1024),
  CAUSEWAY_LANE_HISTORY_EVENTS_MAX: wholeNumber(
    50,
    renewedBy.historyEvents,
    'history events',
    defaultLaneLimits.historyEventsMax,
  ),
  CAUSEWAY_LANE_HISTORY_BYTES_MAX: wholeNumber(
    65_536,
    renewedBy.historyBytes,
    'bytes',
    defaultLaneLimits.historyBytesMax,
  ),
  CAUSEWAY_EVENT_INDEX_DAYS: wholeNumber(1, 3_650, 'days', 30),
  CAUSEWAY_DEDUP_WINDOW_MS: wholeNumber(1_000, 604_800_000, 'ms', defaultLaneLimits.dedupWindowMs),
});

const workerSchema = z.object({
  ...shared,
  CAUSEWAY_WAIT_AFTER_MS: wholeNumber(1_000, 3_600_000, 'ms', 60_000),
  CAUSEWAY_FAULT_AFTER_MS_MAX: wholeNumber(1_000, 3_600_000, 'ms', 3_600_000),
  CAUSEWAY_WORKER_METRICS_HOST: z.string().min(1, 'must not be empty').default('127.0.0.1'),
  CAUSEWAY_WORKER_METRICS_PORT: wholeNumber(0, 65_535, 'TCP port', 9464),
  // In each outcome, which must fit into an event however small those are.
  CAUSEWAY_EXPORT_CUSTOMER: z
    .string()
    .refine((text) => new TextEncoder().encode(text).length <= 255, 'must be at most 255 bytes')
    .optional(),
  CAUSEWAY_EXPORT_API: z
    .string()
    .regex(
      /^https?:\/\/[^\s/@]+(\/\S*)?$/,
      'must be the address of the API, without user and password, for example http://127.0.0.1:8080',
    )
    .transform((url) => url.replace(/\/+$/, ''))
    .optional(),
  CAUSEWAY_EXPORT_API_KEY: apiKey.optional(),
});

type Env = Record<string, string | undefined>;

const keyProblems = (env: Env): string[] =>
  [sourceProblem(env), payloadSourceProblem(env)].flatMap((problem) => problem ?? []);

/** Outcomes are exported with all of these, or not at all. */
const exportVariables = ['CAUSEWAY_EXPORT_CUSTOMER', 'CAUSEWAY_EXPORT_API', 'CAUSEWAY_EXPORT_API_KEY'] as const;
const exportProblems = (env: Env): string[] => {
  const missing = exportVariables.filter((name) => env[name] === undefined);
  if (missing.length === 0 || missing.length === exportVariables.length) return [];
  return [`${missing.join(' and ')} must be set where outcomes are exported (docs/export.md)`];
};

/** What the commands that work on the store itself read. */
const storeSchema = z.object({ DATABASE_URL: databaseUrl, ...secretKeySource });

/** The variables that are read, for the test that .env.example explains each. */
export const apiVariables = Object.keys(apiSchema.shape);
export const workerVariables = Object.keys(workerSchema.shape);

export type ApiConfig = z.output<typeof apiSchema>;
export type WorkerConfig = z.output<typeof workerSchema>;
export type StoreConfig = z.output<typeof storeSchema>;

/** `problems`: what is wrong with variables that are right each for itself. */
function read<Schema extends z.ZodObject>(schema: Schema, env: Env, problems = keyProblems): z.output<Schema> {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));
  const parsed = schema.safeParse(given);
  const wrong = problems(given);
  if (parsed.success && wrong.length === 0) return parsed.data;
  const lines = (parsed.error?.issues ?? []).map((issue) => `${issue.path.join('.')} ${issue.message}`);
  lines.push(...wrong);
  throw new CausewayError('configuration_invalid', `${lines.join('; ')}. Each variable is explained in .env.example.`);
}

/** The API's settings from the environment. Throws `configuration_invalid`, which names each wrong variable. */
export const readApiConfig = (env: Env): ApiConfig => read(apiSchema, env);

/** The worker's settings from the environment. Throws `configuration_invalid`, which names each wrong variable. */
export const readWorkerConfig = (env: Env): WorkerConfig =>
  read(workerSchema, env, (given) => [...keyProblems(given), ...exportProblems(given)]);

/** The settings of commands that work on the store itself. Throws `configuration_invalid`, which names each wrong variable. */
export const readStoreConfig = (env: Env): StoreConfig => read(storeSchema, env);

/** Where what customers name may lead beside public addresses. */
export const allowPrivateIn = (config: Pick<ApiConfig, keyof typeof privateSettings>): AllowPrivate =>
  config.CAUSEWAY_ALLOW_PRIVATE_BROKERS || (config.CAUSEWAY_PRIVATE_NETWORKS ?? false);
