import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { MutableResponse, MutableToken, TokenRequest, TokenRequestIncomingMessage } from 'oauth2-mock-server';
import { tokenAudience } from '../../dev/servers/brokerSecurity.ts';
import type { Certificate } from '../../dev/servers/certificates.ts';
import { startTokenServer as startServer } from '../../dev/servers/tokenServer.ts';
import { track } from './running.ts';
import type { SecuredKafka } from './securedListeners.ts';
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
  const clientId = 'causeway-client';
  const clientSecret = `s3cret +&=%:${randomBytes(12).toString('base64url')}`;
  const secrets = new Set([clientSecret]);
  const { server, url } = await startServer({ tokenKey, clientId, clientSecrets: secrets, ...(files && { files }) });
  const requests: TokenRequest[] = [];
  const given: string[] = [];
  let changed: Changes = {};
  server.service.on('beforeTokenSigning', ({ payload }: MutableToken) => {
    const { lifeSeconds, claims } = changed;
    const ends = lifeSeconds !== undefined && { exp: Math.floor(Date.now() / 1_000) + lifeSeconds };
    Object.assign(payload, { ...ends, ...claims });
  });
  server.service.on('beforeResponse', (response: MutableResponse, request: TokenRequestIncomingMessage) => {
    requests.push({ ...request.body });
    if (changed.body !== undefined) response.body = changed.body;
    if (changed.status !== undefined) response.statusCode = changed.status;
    if (changed.lifeSeconds !== undefined && response.body !== '') response.body.expires_in = changed.lifeSeconds;
    const token = response.body === '' ? undefined : response.body.access_token;
    if (response.statusCode === 200 && typeof token === 'string') given.push(token);
  });
  return {
    auth: { tokenEndpoint: url, clientId, clientSecret, audience: tokenAudience },
    ...{ secrets, requests, given },
    give: (changes = {}) => {
      changed = changes;
    },
    stop: track('a token server', () => server.stop()),
  };
}

async function written({ pem, keyPem }: Certificate): Promise<{ key: string; cert: string }> {
  const base = join(sharedServers().dir, `token-server-${randomBytes(6).toString('hex')}`);
  const files = { key: `${base}.key.pem`, cert: `${base}.pem` };
  await Promise.all([writeFile(files.key, keyPem), writeFile(files.cert, pem)]);
  return files;
}
