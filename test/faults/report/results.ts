import type { describeMachine } from '../../../bench/report/run.ts';
import type { Form } from '../fault.ts';
import type { FaultResult } from '../runFault.ts';

/** What one run of the fault run found. */
export type FaultRun = {
  /** As it was typed. */
  command: string;
  form: Form;
  run: Awaited<ReturnType<typeof describeMachine>>;
  results: FaultResult[];
};
