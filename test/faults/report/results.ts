import type { describeMachine } from '../../../bench/report/run.ts';
import type { FaultAuth, FaultClient, Form } from '../fault.ts';
import type { FaultResult } from '../runFault.ts';

/** What one run of the fault run found. */
export type FaultRun = {
  /** As it was typed. */
  command: string;
  form: Form;
  /** Absent where it was not asked for: over plaintext. */
  auth?: FaultAuth;
  /** Absent where it is the one that Causeway has. */
  client?: FaultClient;
  /** Settings of Temporal's server beside the usual ones, by name; absent where there are none. */
  server?: Readonly<Record<string, string>>;
  run: Awaited<ReturnType<typeof describeMachine>>;
  results: FaultResult[];
};
