import type { describeMachine } from '../../../bench/report/run.ts';
import type { FaultAuth, Form } from '../fault.ts';
import type { FaultResult } from '../runFault.ts';

/** What one run of the fault run found. */
export type FaultRun = {
  /** As it was typed. */
  command: string;
  form: Form;
  /** Absent where it was not asked for: over plaintext. */
  auth?: FaultAuth;
  run: Awaited<ReturnType<typeof describeMachine>>;
  results: FaultResult[];
};
