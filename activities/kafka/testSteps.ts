import { type TestStep, type TestStepName, testStepNames } from '../../domain/connectionTest.ts';
import { failureRowOf } from '../../domain/failures.ts';
import { failureIn, NamedError } from './failureNames.ts';
import { withinMs } from './withinMs.ts';

/** A step failed, and is in the list. */
export class StepFailed extends Error {}

export type StepOptions<T> = {
  /** What the step found, for people. */
  detail?: (found: T) => string;
  /** Takes care of what comes after its time. */
  late?: (found: T) => void;
  /** What the end of its time means; where absent, that nobody let us in. */
  timedOut?: (timeoutMs: number) => NamedError;
};

/** The steps of one connection test, timed, with an end to each and to the whole. */
export class TestSteps {
  private readonly steps: TestStep[] = [];
  private readonly endMs: number;

  constructor(
    timeoutMs: number,
    private readonly stepMsMax: number,
  ) {
    this.endMs = performance.now() + timeoutMs;
  }

  leftMs(): number {
    return this.endMs - performance.now();
  }

  /** Does the step and notes it. Throws {@link StepFailed}. */
  async run<T>(
    step: TestStepName,
    broker: string | undefined,
    work: () => Promise<T>,
    { detail, ...ends }: StepOptions<T> = {},
  ): Promise<T> {
    const beganMs = performance.now();
    const common = () => ({
      step,
      ...(broker !== undefined && { broker }),
      durationMs: Math.round(performance.now() - beganMs),
    });
    try {
      const found = await this.inTime(work, ends);
      const told = detail?.(found);
      this.steps.push({ ...common(), outcome: 'ok', ...(told && { detail: told }) });
      return found;
    } catch (error) {
      this.steps.push({ ...common(), outcome: 'failed', error: shown(error) });
      throw new StepFailed();
    }
  }

  /** Notes the step only where it fails. */
  async only<T>(step: TestStepName, work: () => Promise<T>): Promise<T> {
    const found = await this.run(step, undefined, work);
    this.steps.pop();
    return found;
  }

  /** Goes on with the step that was noted last: its time is added. */
  async again<T>(
    step: TestStepName,
    broker: string | undefined,
    work: () => Promise<T>,
    options: StepOptions<T>,
  ): Promise<T> {
    const before = this.steps.pop();
    try {
      return await this.run(step, broker, work, options);
    } finally {
      const noted = this.steps.at(-1);
      if (noted && before) noted.durationMs += before.durationMs;
    }
  }

  skip(step: TestStepName, detail: string, broker?: string): void {
    this.steps.push({ step, outcome: 'skipped', ...(broker !== undefined && { broker }), durationMs: 0, detail });
  }

  /** All of them; those that nobody came to were skipped. */
  done(): TestStep[] {
    const last = this.steps.at(-1);
    const met = testStepNames.indexOf(last?.step ?? 'resolve');
    const left = last ? testStepNames.slice(met + 1) : testStepNames;
    for (const step of left) this.skip(step, 'a step before it failed');
    return this.steps;
  }

  private inTime<T>(
    work: () => Promise<T>,
    { late = () => undefined, timedOut = noAnswerIn }: Omit<StepOptions<T>, 'detail'>,
  ): Promise<T> {
    const timeoutMs = Math.max(1, Math.min(this.stepMsMax, this.leftMs()));
    let isLate = false;
    // In a promise: what it throws at once is a failure of the step too.
    const doing = Promise.resolve().then(work);
    doing.then(
      (found) => isLate && late(found),
      () => undefined,
    );
    return withinMs(timeoutMs, doing, () => {
      isLate = true;
      return timedOut(Math.round(timeoutMs));
    });
  }
}

const noAnswerIn = (timeoutMs: number): NamedError =>
  new NamedError({ name: 'CONNECT_TIMEOUT', message: `There was no answer within ${timeoutMs} ms.` });

function shown(error: unknown): NonNullable<TestStep['error']> {
  const { name, code, message } = failureIn(error);
  const { why, remedy } = failureRowOf(name);
  return { name, ...(code !== undefined && { code }), message, why, remedy };
}
