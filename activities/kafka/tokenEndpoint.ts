/** Asks a token endpoint for an access token: the client-credentials grant (RFC 6749, section 4.4). */
import { once } from 'node:events';
import { type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { hostOf } from '../../domain/address.ts';
import { failureRowOf } from '../../domain/failures.ts';
import type { AllowPrivate } from '../../domain/privateNetworks.ts';
import { addressRefused, allowedOnly } from './allowedAddress.ts';
import { handshakeRefusal, NamedError, unnamedDistrust } from './failureNames.ts';
import { oauthCode } from './oauthCode.ts';
import { verifiedTls } from './verifiedTls.ts';

/** Who asks, and where. */
export type TokenClient = {
  endpoint: string;
  clientId: string;
  clientSecret: string;
  scope?: string | undefined;
  audience?: string | undefined;
  /** PEM; where absent, the system's authorities are trusted. */
  caCertificate?: string | undefined;
  /** Whether it may be on this machine or a private network. */
  allowPrivate: AllowPrivate;
};

export type FetchedToken = {
  value: string;
  /** How long it holds from when it was asked for, in ms. */
  lifeMs: number;
};

/** Shorter than what a broker has for letting us in, of which it is a part. */
const answerTimeoutMs = 4_000;
const answerBytesMax = 64 * 1024;
/** RFC 6749 lets an endpoint leave unsaid how long its token holds. */
const unsaidLifeMs = 60_000;

/** Rejects with a {@link NamedError}, which holds nothing of what is secret, nor any text of the endpoint's own. */
export async function fetchToken(client: TokenClient): Promise<FetchedToken> {
  const endpoint = URL.canParse(client.endpoint) ? new URL(client.endpoint) : undefined;
  if (!endpoint) throw malformed('The destination names no token endpoint.');
  const { status, text } = await answerOf(endpoint, client);
  const body = objectIn(text);
  if (status === 200) return tokenIn(body, endpoint);
  const code = oauthCode(body?.error);
  const message = `${endpoint.host} answered ${status}${code === undefined ? '' : `: ${code}`}`;
  if (isPassing(status)) throw new NamedError({ name: 'TOKEN_ENDPOINT_UNAVAILABLE', message });
  if ([400, 401, 403].includes(status)) throw new NamedError({ name: 'TOKEN_ENDPOINT_REFUSED', message });
  throw malformed(message);
}

const malformed = (message: string): NamedError => new NamedError({ name: 'TOKEN_ENDPOINT_MALFORMED', message });
const isPassing = (status: number): boolean => status >= 500 || [408, 425, 429].includes(status);

async function answerOf(endpoint: URL, client: TokenClient): Promise<{ status: number; text: string }> {
  try {
    const response = await responseTo(endpoint, client);
    return { status: response.statusCode ?? 0, text: await bounded(response) };
  } catch (error) {
    throw error instanceof NamedError ? error : unreachable(error, endpoint.host);
  }
}

async function responseTo(endpoint: URL, client: TokenClient): Promise<IncomingMessage> {
  const body = new URLSearchParams({ grant_type: 'client_credentials' });
  if (client.scope !== undefined) body.set('scope', client.scope);
  if (client.audience !== undefined) body.set('audience', client.audience);
  const options = {
    method: 'POST',
    ...allowedOnly(hostOf(endpoint), client.allowPrivate),
    agent: false,
    signal: AbortSignal.timeout(answerTimeoutMs),
    headers: {
      Accept: 'application/json',
      Authorization: `Basic ${Buffer.from(basicPair(client)).toString('base64')}`,
      'Content-Type': 'application/x-www-form-urlencoded',
      'User-Agent': 'causeway',
    },
  } as const;
  // No redirect is followed: the secret is for this address alone.
  const request =
    endpoint.protocol === 'https:'
      ? requestHttps(endpoint, { ...options, ...verifiedTls, ca: client.caCertificate })
      : requestHttp(endpoint, options);
  const responded = once(request, 'response');
  request.on('error', () => undefined); // What breaks after the headers is met where the body is read.
  request.end(body.toString());
  const [response] = (await responded) as [IncomingMessage];
  return response;
}

/** Both are form-encoded before they are joined (RFC 6749, section 2.3.1). */
const basicPair = ({ clientId, clientSecret }: TokenClient): string => `${encoded(clientId)}:${encoded(clientSecret)}`;
const encoded = (text: string): string => new URLSearchParams({ '': text }).toString().slice(1);

async function bounded(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > answerBytesMax) throw malformed(`The token endpoint's answer is over ${answerBytesMax} bytes.`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

/** What its own errors say of a token endpoint; for those of TLS, the failure table knows which are its certificate's. */
function unreachable(error: unknown, host: string): NamedError {
  const code = error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'an error';
  const { message } = error instanceof Error ? error : { message: '' };
  const told = code === unnamedDistrust ? message : (handshakeRefusal(message) ?? code);
  const why = code === 'ABORT_ERR' ? `no answer within ${answerTimeoutMs} ms` : told;
  return new NamedError({ name: nameOf(code), message: `The token endpoint ${host} gave no token: ${why}` });
}

function nameOf(code: string): string {
  if (code === addressRefused) return code;
  if (code === 'ENOTFOUND') return 'TOKEN_ENDPOINT_NOT_FOUND';
  if (code === unnamedDistrust || failureRowOf(code).kind === 'destinationAtFault') return 'TOKEN_ENDPOINT_UNTRUSTED';
  // It speaks, but not what we do: HPE_… is Node.js's HTTP parser, ERR_SSL_… is OpenSSL.
  return /^(HPE_|ERR_SSL_|EPROTO)/.test(code) ? 'TOKEN_ENDPOINT_MALFORMED' : 'TOKEN_ENDPOINT_UNAVAILABLE';
}

function objectIn(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}

/** As RFC 6750 (section 2.1) has it: nothing else may go into a SASL message. */
const bearerToken = /^[A-Za-z0-9\-._~+/]+=*$/;

function tokenIn(body: Record<string, unknown> | undefined, { host }: URL): FetchedToken {
  const { access_token: value, token_type: type, expires_in: seconds } = body ?? {};
  if (typeof value !== 'string' || !bearerToken.test(value))
    throw malformed(`${host} answered without an access_token.`);
  if (type !== undefined && String(type).toLowerCase() !== 'bearer') {
    throw malformed(`${host} gave a token that is no bearer token.`);
  }
  // A number, which some write as a text.
  const life = typeof seconds === 'number' || typeof seconds === 'string' ? Number(seconds) * 1_000 : Number.NaN;
  return { value, lifeMs: life >= 0 ? life : unsaidLifeMs };
}
