import type { AuthenticationProviderArgs } from 'kafkajs';
import { expect, test } from 'vitest';
import { failureIn } from '../../activities/kafka/failureNames.ts';
import { saslOf } from '../../activities/kafka/sasl.ts';

const silent = () => undefined;
const logger = { debug: silent, error: silent, info: silent, warn: silent };

test.each(['SASL_SCRAM_SHA_256', 'SASL_SCRAM_SHA_512'] as const)(
  'a broker that answers %s with the password in its error is not repeated',
  async (mode) => {
    const secret = 'hunter2-pass';
    const auth = { mode, tls: true, username: 'u' };
    const mechanism = saslOf({ auth, secrets: { password: secret }, allowPrivate: true });
    let exchanges = 0;
    const saslAuthenticate = async ({ request }: { request: { encode(): Promise<Buffer> } }) => {
      const nonce = /r=([^,]+)/.exec((await request.encode()).toString())?.[1];
      exchanges++;
      return exchanges === 1 ? { r: `${nonce}x`, s: 'c2FsdA==', i: '4096', original: '' } : { e: `wrong: ${secret}` };
    };
    // What the provider uses of kafkajs's arguments.
    const args = { host: 'h', port: 1, logger, saslAuthenticate } as unknown as AuthenticationProviderArgs;
    const error = await mechanism
      ?.authenticationProvider(args)
      .authenticate()
      .then(silent, (met: unknown) => met);
    expect(exchanges).toBe(2);
    const failure = failureIn(error);
    expect(failure).toMatchObject({ name: 'SASL_AUTHENTICATION_FAILED', message: expect.stringContaining('exchange') });
    expect(JSON.stringify(failure)).not.toContain(secret);
  },
);
