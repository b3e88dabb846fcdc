import type { JsonWebKey } from 'node:crypto';
import {
  type MutableResponse,
  type MutableToken,
  OAuth2Server,
  type TokenRequestIncomingMessage,
} from 'oauth2-mock-server';

export type TokenServerOptions = {
  /** Signs the tokens; the broker has its public part. */
  tokenKey: JsonWebKey;
  clientId: string;
  /** Any of them is taken. */
  clientSecrets: ReadonlySet<string>;
  /** PEM files; without them it speaks plain HTTP. */
  files?: { key: string; cert: string };
  /** 0 takes a free one. */
  port?: number;
};

/** A token server (client credentials, HTTP Basic) on loopback, for one client: its tokens are for the audience that is asked for. */
export async function startTokenServer(options: TokenServerOptions): Promise<{ server: OAuth2Server; url: string }> {
  const { tokenKey, clientId, clientSecrets, files, port = 0 } = options;
  const server = new OAuth2Server(files?.key, files?.cert);
  await server.issuer.keys.add({ ...tokenKey });
  await server.start(port, '127.0.0.1');
  server.service.on('beforeTokenSigning', ({ payload }: MutableToken, { body }: { body: Record<string, unknown> }) => {
    Object.assign(payload, { sub: clientId, aud: body.audience });
  });
  server.service.on('beforeResponse', (response: MutableResponse, { headers }: TokenRequestIncomingMessage) => {
    if ([...clientSecrets].some((secret) => headers.authorization === basicOf(clientId, secret))) return;
    Object.assign(response, { statusCode: 401, body: { error: 'invalid_client' } });
  });
  return { server, url: `${files ? 'https' : 'http'}://127.0.0.1:${server.address().port}/token` };
}

/** RFC 6749, section 2.3.1: each is form-encoded first. */
function basicOf(id: string, secret: string): string {
  const encoded = [id, secret].map((text) => encodeURIComponent(text).replaceAll('%20', '+'));
  return `Basic ${Buffer.from(encoded.join(':')).toString('base64')}`;
}
