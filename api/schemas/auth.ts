import { z } from '@hono/zod-openapi';
import { hostOf } from '../../domain/address.ts';
import { type AuthMode, authModes, secretFields } from '../../domain/destination.ts';
import { type AllowPrivate, isRefusedHost } from '../../domain/privateNetworks.ts';
import { certificates, clientCertificates, privateKey } from './pem.ts';
import { fieldsOf, lineOf, secretOf, yesOrNo } from './text.ts';

/** Which settings of `auth` may be shown, beside `mode` and `tls`. */
export const shownAuthFields = [
  'caCertificate',
  'username',
  'clientCertificate',
  'clientId',
  'tokenEndpoint',
  'tokenEndpointCaCertificate',
  'scope',
  'audience',
] as const;

const modeFields = [...shownAuthFields, ...secretFields] as const;
export type AuthField = (typeof modeFields)[number];

type ModeRow = { required: readonly AuthField[]; optional: readonly AuthField[] };

const passwordRow: ModeRow = { required: ['username', 'password'], optional: [] };

/** Which settings go with which mode. `caCertificate` goes with each that uses TLS. */
const rows: Readonly<Record<AuthMode, ModeRow>> = {
  NONE: { required: [], optional: [] },
  SASL_PLAIN: passwordRow,
  SASL_SCRAM_SHA_256: passwordRow,
  SASL_SCRAM_SHA_512: passwordRow,
  SASL_OAUTHBEARER: {
    required: ['tokenEndpoint', 'clientId', 'clientSecret'],
    optional: ['tokenEndpointCaCertificate', 'scope', 'audience'],
  },
  MTLS: { required: ['clientCertificate', 'clientKey'], optional: ['clientKeyPassphrase'] },
};

const fieldsWith = (mode: AuthMode, tls: boolean): AuthField[] => [
  ...rows[mode].required,
  ...rows[mode].optional,
  ...(tls ? (['caCertificate'] as const) : []),
];

export const goesWith = (mode: AuthMode, tls: boolean, field: AuthField): boolean =>
  fieldsWith(mode, tls).includes(field);

/** Plaintext is for development, and there nothing is secret. */
export const defaultTls = (mode: AuthMode): boolean => mode !== 'NONE';

export type AuthFacts = { mode: AuthMode; tls: boolean; has: (field: AuthField) => boolean };
type AuthProblem = { field: AuthField | 'mode' | 'tls'; problem: string; expected: string };

/** What is wrong with an `auth` whose fields are right each for itself. */
export function authProblems({ mode, tls, has }: AuthFacts, allowPrivateBrokers: AllowPrivate): AuthProblem[] {
  const problems: AuthProblem[] = [];
  if (mode === 'NONE' && allowPrivateBrokers !== true) {
    const modes = authModes.filter((name) => name !== 'NONE').join(', ');
    const expected = `one of ${modes}; NONE is for development (CAUSEWAY_ALLOW_PRIVATE_BROKERS)`;
    problems.push({ field: 'mode', problem: 'is not allowed here', expected });
  }
  if (!tls && mode !== 'NONE') {
    problems.push({ field: 'tls', problem: 'is false', expected: `true: mode ${mode} is used over TLS alone` });
  }
  for (const field of rows[mode].required) {
    const expected = `mode ${mode} has ${rows[mode].required.join(' and ')}`;
    if (!has(field)) problems.push({ field, problem: 'is missing', expected });
  }
  const names = ['mode', 'tls', ...fieldsWith(mode, tls)].join(', ');
  const combination = `mode ${mode}${tls ? '' : ' without TLS'}`;
  for (const field of modeFields) {
    if (!has(field) || goesWith(mode, tls, field)) continue;
    problems.push({ field, problem: `does not go with ${combination}`, expected: `nothing but ${names}` });
  }
  return problems;
}

/** A secret is sent to it, so it must be the one it says it is. */
function tokenEndpoint(allowPrivateBrokers: AllowPrivate) {
  const isAnywhere = allowPrivateBrokers === true;
  const expected = `the URL of a token endpoint, ${isAnywhere ? 'http or https' : 'https and public'}`;
  const urlOf = (text: string): URL | undefined => (URL.canParse(text) ? new URL(text) : undefined);
  const isAllowed = (url: URL): boolean => {
    if (url.username !== '' || url.password !== '' || url.hash !== '') return false;
    if (isAnywhere) return url.protocol === 'https:' || url.protocol === 'http:';
    return url.protocol === 'https:' && !isRefusedHost(hostOf(url), allowPrivateBrokers);
  };
  return lineOf(2_048, { what: 'a URL' }).refine((text) => urlOf(text) !== undefined && isAllowed(new URL(text)), {
    error: expected,
    params: { problem: 'is not such a URL' },
  });
}

const otherwiseTrusted = 'where absent, those of the system that API and worker run on.';

const fieldSchemas = (allowPrivateBrokers: AllowPrivate) => ({
  caCertificate: certificates().openapi({
    description: `The authorities that the brokers' certificates are checked against; ${otherwiseTrusted}`,
  }),
  username: lineOf(255),
  password: secretOf(1_024),
  clientCertificate: clientCertificates(),
  clientKey: privateKey(),
  clientKeyPassphrase: secretOf(1_024),
  clientId: lineOf(255),
  clientSecret: secretOf(4_096),
  tokenEndpoint: tokenEndpoint(allowPrivateBrokers).openapi({ description: 'Gives tokens for client credentials.' }),
  tokenEndpointCaCertificate: certificates().openapi({
    description: `The authorities that the token endpoint's certificate is checked against; ${otherwiseTrusted}`,
  }),
  scope: lineOf(1_024),
  audience: lineOf(1_024),
});

const modeSchema = () => z.enum(authModes, { error: `one of ${authModes.join(', ')}` });

const modesDescribed = authModes
  .map((mode) => {
    const optional = rows[mode].optional.map((field) => `${field} (optional)`);
    return `- \`${mode}\`: ${[...rows[mode].required, ...optional].join(', ') || 'nothing more'}`;
  })
  .join('\n');

const described = `How the brokers are told who we are, and over what. Each mode has fields of its own:

${modesDescribed}

Each goes over TLS, with \`caCertificate\` where it is given. \`NONE\`, and \`"tls": false\` with it, are for development.
\`tls\` is true where absent, but with \`NONE\`.`;

/** `auth` of a new destination. */
export function newAuthSchema(allowPrivateBrokers: AllowPrivate) {
  const fields = fieldSchemas(allowPrivateBrokers);
  return fieldsOf({
    mode: modeSchema(),
    tls: yesOrNo().optional(),
    caCertificate: fields.caCertificate.optional(),
    username: fields.username.optional(),
    password: fields.password.optional(),
    clientCertificate: fields.clientCertificate.optional(),
    clientKey: fields.clientKey.optional(),
    clientKeyPassphrase: fields.clientKeyPassphrase.optional(),
    clientId: fields.clientId.optional(),
    clientSecret: fields.clientSecret.optional(),
    tokenEndpoint: fields.tokenEndpoint.optional(),
    tokenEndpointCaCertificate: fields.tokenEndpointCaCertificate.optional(),
    scope: fields.scope.optional(),
    audience: fields.audience.optional(),
  })
    .superRefine((auth, context) => {
      const { mode, tls = defaultTls(mode) } = auth;
      const facts = { mode, tls, has: (field: AuthField) => auth[field] !== undefined };
      for (const { field, problem, expected } of authProblems(facts, allowPrivateBrokers)) {
        context.addIssue({ code: 'custom', path: [field], message: expected, params: { problem } });
      }
    })
    .openapi('NewAuth', { description: described });
}

/** `auth` in a change: what is absent stays, what is null goes. */
export function authChangeSchema(allowPrivateBrokers: AllowPrivate) {
  const fields = fieldSchemas(allowPrivateBrokers);
  return fieldsOf({
    mode: modeSchema().optional(),
    tls: yesOrNo().optional(),
    caCertificate: fields.caCertificate.nullable().optional(),
    username: fields.username.nullable().optional(),
    password: fields.password.nullable().optional(),
    clientCertificate: fields.clientCertificate.nullable().optional(),
    clientKey: fields.clientKey.nullable().optional(),
    clientKeyPassphrase: fields.clientKeyPassphrase.nullable().optional(),
    clientId: fields.clientId.nullable().optional(),
    clientSecret: fields.clientSecret.nullable().optional(),
    tokenEndpoint: fields.tokenEndpoint.nullable().optional(),
    tokenEndpointCaCertificate: fields.tokenEndpointCaCertificate.nullable().optional(),
    scope: fields.scope.nullable().optional(),
    audience: fields.audience.nullable().optional(),
  }).openapi('AuthChange', { description: 'What is absent stays; what is null is removed.' });
}

/** `auth` as it is shown. */
export const shownAuthSchema = z
  .object({
    mode: z.enum(authModes),
    tls: z.boolean(),
    caCertificate: z.string().optional(),
    username: z.string().optional(),
    clientCertificate: z.string().optional(),
    clientId: z.string().optional(),
    tokenEndpoint: z.string().optional(),
    tokenEndpointCaCertificate: z.string().optional(),
    scope: z.string().optional(),
    audience: z.string().optional(),
    secretsSet: z
      .array(z.enum(secretFields))
      .openapi({ description: 'Which secrets are set; what they are is never shown.', example: ['password'] }),
  })
  .openapi('Auth');

export type NewAuth = z.output<ReturnType<typeof newAuthSchema>>;
export type AuthChange = z.output<ReturnType<typeof authChangeSchema>>;
