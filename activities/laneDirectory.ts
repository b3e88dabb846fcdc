import { type Client, WorkflowNotFoundError } from '@temporalio/client';
import { CausewayError } from '../domain/error.ts';
import type { LanesTold, LanesToTell, Seen } from '../domain/keeper.ts';
import { laneWorkflowType } from '../domain/lane.ts';
import { tellAll } from './tellLanes.ts';

/** The lanes of destinations, as Temporal's visibility shows them. It lags behind, and takes about ten calls a second in all. */
export class LaneDirectory {
  constructor(private readonly client: Client) {}

  async held(destinationId: string): Promise<Seen['held']> {
    const { count: waiting } = await this.client.workflow.count(queryOf(destinationId, ['Waiting']));
    const { count: suspended } = await this.client.workflow.count(queryOf(destinationId, ['Suspended']));
    return { waiting, suspended };
  }

  /** Signals the lanes of one page. One that has closed meanwhile is none. Ends early where `isOver`. */
  async tell(request: LanesToTell, isOver: () => boolean): Promise<LanesTold> {
    const { destinationId, states, signal, input, lanesMax, page } = request;
    const { executions, nextPageToken } = await this.client.workflowService.listWorkflowExecutions({
      namespace: this.client.options.namespace,
      pageSize: lanesMax,
      query: queryOf(destinationId, states),
      ...(page !== undefined && { nextPageToken: Buffer.from(page, 'base64') }),
    });
    const ids = (executions ?? []).flatMap(({ execution }) => execution?.workflowId ?? []);
    const lanes = await tellAll(ids, (id) => this.signal(id, signal, input), isOver);
    return nextPageToken?.length ? { lanes, page: Buffer.from(nextPageToken).toString('base64') } : { lanes };
  }

  private async signal(workflowId: string, signal: string, input: unknown): Promise<boolean> {
    try {
      await this.client.workflow.getHandle(workflowId).signal(signal, input);
      return true;
    } catch (error) {
      if (error instanceof WorkflowNotFoundError) return false;
      throw error;
    }
  }
}

function queryOf(destinationId: string, states: LanesToTell['states']): string {
  if (!/^[\w-]{1,100}$/.test(destinationId)) {
    throw new CausewayError('destination_not_found', 'A keeper was started for an id that no destination can have.');
  }
  const isOneOf = states.map((state) => `"${state}"`).join(', ');
  return [
    `WorkflowType="${laneWorkflowType}" AND ExecutionStatus="Running"`,
    `DestinationId="${destinationId}" AND DeliveryState IN (${isOneOf})`,
  ].join(' AND ');
}
