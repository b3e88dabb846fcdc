import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type MutableResponse,
  type MutableToken,
  OAuth2Server,
  type TokenRequest,
  type TokenRequestIncomingMessage,
} from 'oauth2-mock-server';
import type { Certificate } from './certificates.ts';
import { track } from './running.ts';
import { type SecuredKafka, tokenAudience } from './securedListeners.ts';
import { sharedServers } from './sharedServers.ts';

type Changes = {
  status?: number;
  body?: MutableResponse['body'];
  claims?: Record<string, unknown>;
  /** How long a token holds; an hour otherwise. */
  lifeSeconds?: number;
};

export type TokenServer = {
  /** The settings of a destination that gets its tokens here, as principal `User:causeway-client`. */
  auth: { tokenEndpoint: string; clientId: string; clientSecret: string; audience: string };
  /** The secrets that it takes; `auth` has the first of them. */
  secrets: Set<string>;
  /** What was asked, the newest last. */
  requests: TokenRequest[];
  /** The tokens that were given, the newest last. */
  given: string[];
  /** Changes what it gives from now on; without changes it gives what the broker takes. */
  give(changes?: Changes): void;
  stop(): Promise<void>;
};

export const oauthPrincipal = 'User:causeway-client';

/**
 * A real token server, whose tokens the broker takes; over TLS with this certificate where one is given. Clients must say the
 * right secret, and the audience that the broker wants must be asked for.
 */
export async function startTokenServer(
  { tokenKey }: Pick<SecuredKafka, 'tokenKey'>,
  certificate?: Certificate,
): Promise<TokenServer> {
  const files = certificate && (await written(certificate));
  const server = new OAuth2Server(files?.key, files?.cert);
  await server.issuer.keys.add({ ...tokenKey });
  await server.start(0, '127.0.0.1');
  const clientId = 'causeway-client';
  const clientSecret = `s3cret +&=%:${randomBytes(12).toString('base64url')}`;
  const secrets = new Set([clientSecret]);
  const requests: TokenRequest[] = [];
  const given: string[] = [];
  let changed: Changes = {};
  server.service.on('beforeTokenSigning', ({ payload }: MutableToken, { body }: { body: Record<string, unknown> }) => {
    const { lifeSeconds, claims } = changed;
    const ends = lifeSeconds !== undefined && { exp: Math.floor(Date.now() / 1_000) + lifeSeconds };
    Object.assign(payload, { sub: clientId, aud: body.audience, ...ends, ...claims });
  });
  server.service.on('beforeResponse', (response: MutableResponse, request: TokenRequestIncomingMessage) => {
    requests.push({ ...request.body });
    if (![...secrets].some((secret) => request.headers.authorization === basicOf(clientId, secret))) {
      Object.assign(response, { statusCode: 401, body: { error: 'invalid_client' } });
    }
    if (changed.body !== undefined) response.body = changed.body;
    if (changed.status !== undefined) response.statusCode = changed.status;
    if (changed.lifeSeconds !== undefined && response.body !== '') response.body.expires_in = changed.lifeSeconds;
    const token = response.body === '' ? undefined : response.body.access_token;
    if (response.statusCode === 200 && typeof token === 'string') given.push(token);
  });
  const { port } = server.address();
  return {
    auth: {
      tokenEndpoint: `${certificate ? 'https' : 'http'}://127.0.0.1:${port}/token`,
      ...{ clientId, clientSecret, audience: tokenAudience },
    },
    ...{ secrets, requests, given },
    give: (changes = {}) => {
      changed = changes;
    },
    stop: track('a token server', () => server.stop()),
  };
}

/** RFC 6749, section 2.3.1: each is form-encoded first. */
function basicOf(id: string, secret: string): string {
  const encoded = [id, secret].map((text) => encodeURIComponent(text).replaceAll('%20', '+'));
  return `Basic ${Buffer.from(encoded.join(':')).toString('base64')}`;
}

async function written({ pem, keyPem }: Certificate): Promise<{ key: string; cert: string }> {
  const base = join(sharedServers().dir, `token-server-${randomBytes(6).toString('hex')}`);
  const files = { key: `${base}.key.pem`, cert: `${base}.pem` };
  await Promise.all([writeFile(files.key, keyPem), writeFile(files.cert, pem)]);
  return files;
}
