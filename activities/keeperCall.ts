import { type Client, WorkflowIdConflictPolicy, WorkflowNotFoundError } from '@temporalio/client';
import { keeperSignals, keeperWorkflowId, keeperWorkflowType, type Told } from '../domain/keeper.ts';
import type { Fault } from '../domain/laneHold.ts';

const callTimeoutMs = 5_000;

/** Signals a destination's keeper, which starts where it is not running. Rejects where Temporal does not confirm it. */
export async function callKeeper(
  client: Client,
  taskQueue: string,
  destinationId: string,
  [signal, input]: ['held', Told] | ['changed', { version: number }],
): Promise<void> {
  await client.connection.withDeadline(Date.now() + callTimeoutMs, () =>
    client.workflow.signalWithStart(keeperWorkflowType, {
      workflowId: keeperWorkflowId(destinationId),
      workflowIdConflictPolicy: WorkflowIdConflictPolicy.USE_EXISTING,
      taskQueue,
      args: [{ destinationId }],
      signal: keeperSignals[signal],
      signalArgs: [input],
    }),
  );
}

/** Tells a destination's keeper of a change, where there is one: lanes hold for the destination. Rejects where Temporal can't say. */
export async function tellKeeperOfChange(client: Client, destinationId: string, version: number): Promise<void> {
  const { workflow, connection } = client;
  const tell = () => workflow.getHandle(keeperWorkflowId(destinationId)).signal(keeperSignals.changed, { version });
  await connection.withDeadline(Date.now() + callTimeoutMs, tell).catch((error: unknown) => {
    if (!(error instanceof WorkflowNotFoundError)) throw error;
  });
}

/**
 * The keeper stays for minutes after it was told last: a destination that was told of so recently need not be again; in ms. Less than
 * after which it takes a lane to be listed (`listedAfterMs` in domain/keeper.ts): a fault that comes back later is news.
 */
export const toldForMs = 8_000;
/** A keeper gets one signal in so long from this worker at the most, in ms. */
const spacingMs = 1_000;

type Telling = {
  toldAtMs: number;
  /** The faults told lately, by their text, and when they were told. */
  faultsAtMs: Map<string, number>;
  next: { told: Told; stored: Promise<void> } | undefined;
  last: Promise<unknown>;
};

/** A lane that holds: whether it was only just let go on, and what it is suspended for, if it is. */
export type LaneHeld = { relapsed: boolean; fault: Fault | undefined };

type Send = (destinationId: string, told: Told) => Promise<void>;

const textOf = ({ name, version }: Fault): string => `${name}@${version ?? ''}`;

/** Tells keepers of lanes that hold: many lanes in few signals. */
export class KeeperTelling {
  private readonly tellings = new Map<string, Telling>();

  constructor(private readonly send: Send) {}

  /** Resolves once the keeper's signal is stored, now or within the last seconds. Rejects where it is not. */
  async held(destinationId: string, { relapsed, fault }: LaneHeld): Promise<void> {
    const telling = this.tellings.get(destinationId) ?? newTelling();
    this.tellings.set(destinationId, telling);
    if (!relapsed && isTold(telling, fault)) return;
    telling.next ??= this.begin(destinationId, telling);
    const { told, stored } = telling.next;
    if (relapsed) told.relapsed++;
    if (fault && !told.faults.some((known) => textOf(known) === textOf(fault))) told.faults.push(fault);
    await stored;
  }

  /** Drops what was told long ago. */
  sweep(): void {
    for (const [id, { toldAtMs, next }] of this.tellings) {
      if (!next && Date.now() - toldAtMs > toldForMs) this.tellings.delete(id);
    }
  }

  /** The next signal, which takes in what comes until it goes out. */
  private begin(destinationId: string, telling: Telling): { told: Told; stored: Promise<void> } {
    const told: Told = { relapsed: 0, faults: [] };
    const stored = telling.last
      .catch(() => undefined)
      .then(() => new Promise((resolve) => setTimeout(resolve, telling.toldAtMs + spacingMs - Date.now())))
      .then(async () => {
        telling.next = undefined;
        const nowMs = Date.now();
        await this.send(destinationId, told);
        telling.toldAtMs = nowMs;
        for (const fault of told.faults) telling.faultsAtMs.set(textOf(fault), nowMs);
      });
    telling.last = stored;
    stored.catch(() => undefined); // Whoever waits for it hears of it.
    return { told, stored };
  }
}

const newTelling = (): Telling => ({ toldAtMs: 0, faultsAtMs: new Map(), next: undefined, last: Promise.resolve() });

function isTold({ toldAtMs, faultsAtMs }: Telling, fault: Fault | undefined): boolean {
  const atMs = fault ? (faultsAtMs.get(textOf(fault)) ?? 0) : toldAtMs;
  return Date.now() - atMs < toldForMs;
}
