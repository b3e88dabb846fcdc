/** SASL OAUTHBEARER (RFC 7628), which kafkajs speaks only as long as the broker says yes. */
import type { Mechanism } from 'kafkajs';
import type { AccessTokens } from './accessTokens.ts';
import { failureIn, NamedError } from './failureNames.ts';
import { oauthCode } from './oauthCode.ts';

/** Ends each part of a message. */
const separator = '\u0001';
/** kafkajs's own framing: a length in front. */
const lengthBytes = 4;

function framed(text: string): Buffer {
  const frame = Buffer.alloc(lengthBytes + Buffer.byteLength(text));
  frame.writeInt32BE(frame.length - lengthBytes);
  frame.write(text, lengthBytes);
  return frame;
}

const message = (text: string) => ({ encode: async () => framed(text) });
const answer = {
  decode: (bytes: Buffer): Buffer => bytes.subarray(lengthBytes),
  parse: (bytes: Buffer): string => bytes.toString(),
};

/** Shows each broker the current token. Rejects with `TOKEN_REFUSED` where a broker does not take it. */
export const oauthBearer = (tokens: AccessTokens): Mechanism => ({
  mechanism: 'oauthbearer',
  authenticationProvider: ({ host, port, saslAuthenticate }) => ({
    authenticate: async () => {
      const token = await tokens.current();
      const refused = (why: string): NamedError => {
        tokens.refused(token);
        const message = `${host}:${port} refused our token: ${why}${endOf(token)}`;
        return new NamedError({ name: 'TOKEN_REFUSED', message });
      };
      const request = message(`n,,${separator}auth=Bearer ${token}${separator}${separator}`);
      const told = await saslAuthenticate<string>({ request, response: answer }).catch((error: unknown) => {
        throw failureIn(error).name === 'SASL_AUTHENTICATION_FAILED' ? refused('it does not say why') : error;
      });
      if (told === undefined || told === '') return;
      // The broker has said no and waits for this before it ends the exchange (section 3.2.3), which it does with an error.
      await saslAuthenticate({ request: message(separator) }).catch(() => undefined);
      throw refused(statusIn(told) ?? 'with a status of its own');
    },
  }),
});

/** The status of the broker's answer (section 3.2.2). */
function statusIn(told: string): string | undefined {
  try {
    const value: unknown = JSON.parse(told);
    return typeof value === 'object' && value !== null && 'status' in value ? oauthCode(value.status) : undefined;
  } catch {
    return undefined;
  }
}

/**
 * That a token which is a JWT (RFC 7519) is over, for no broker says so. Its end alone is read, a number: another claim could hold
 * whatever the token endpoint put there.
 */
function endOf(token: string): string {
  const claims = claimsIn(token);
  const end =
    typeof claims === 'object' && claims !== null && 'exp' in claims ? Number(claims.exp) * 1_000 : Number.NaN;
  return end < Date.now() && end > 0 ? ` (it ended at ${new Date(end).toISOString()})` : '';
}

function claimsIn(token: string): unknown {
  try {
    return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString());
  } catch {
    return undefined;
  }
}
