import { afterAll } from 'vitest';
import { stopLeftovers } from '../harness/running.ts';

afterAll(async () => {
  const left = await stopLeftovers();
  if (left.length > 0) throw new Error(`Left running by this file's tests: ${left.join(', ')}. Call stop().`);
});
