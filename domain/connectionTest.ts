/** What a connection test does, in this order; resolve to authenticate for each broker that it tries. */
export const testStepNames = [
  'resolve',
  'connect',
  'tls',
  'authenticate',
  'topic',
  'leaders',
  'write',
  'testEvent',
] as const;
export type TestStepName = (typeof testStepNames)[number];

export type TestStep = {
  step: TestStepName;
  outcome: 'ok' | 'failed' | 'skipped';
  /** host:port, where it is about one broker. */
  broker?: string | undefined;
  durationMs: number;
  /** What was found, or why it was skipped. */
  detail?: string | undefined;
  /** As in the failure table (domain/failures.ts). */
  error?: { name: string; code?: number | undefined; message: string; why: string; remedy: string } | undefined;
};

/** `passed`: events can be delivered, as far as that can be known, though one broker of the list may have failed. */
export type ConnectionTest = { passed: boolean; steps: TestStep[] };
