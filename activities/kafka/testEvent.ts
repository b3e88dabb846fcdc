import { randomBytes } from 'node:crypto';
import { type Block, blockOf } from '../../domain/block.ts';
import type { OpenDestination } from '../../domain/destination.ts';
import { failureRowOf } from '../../domain/failures.ts';
import { NamedError, type NamedFailure } from './failureNames.ts';
import { recordsOf } from './records.ts';
import { TopicConnection } from './topicConnection.ts';

const testEventType = 'causeway.connection_test';

/** A record as any other, but for its type; written once at most. */
export class TestEvent {
  private readonly connection: TopicConnection;
  /** Whether the request was about to be written: from then on the record may be there. */
  private isOnItsWay = false;
  private isGivenUp = false;

  constructor(private readonly destination: OpenDestination) {
    this.connection = new TopicConnection(destination);
  }

  /** Resolves to where it is. Rejects with a {@link NamedError}, which says so where it may have been written all the same. */
  async sent(): Promise<string> {
    try {
      const [addressed] = recordsOf(blockFor(this.destination), await this.connection.partitionCount());
      if (!addressed) throw new Error('A block of one event has no record.');
      const { partition, record } = addressed;
      const answer = (await this.connection.send(new Map([[partition, [record]]]), this.goesOut)).get(partition);
      if (!answer) throw new NamedError(mayBeThere('NO_ANSWER_FOR_PARTITION', 'Nothing was said of the partition.'));
      if (!('failure' in answer)) return `partition ${partition}, offset ${answer.baseOffset}`;
      const { failure, isUnknown } = answer;
      const isThereMaybe = isUnknown || failureRowOf(failure.name).kind === 'outcomeUnknown';
      throw new NamedError(isThereMaybe ? mayBeThere(failure.name, failure.message, failure.code) : failure);
    } finally {
      this.connection.close();
    }
  }

  /** Nothing is written from now on. The error that the end of its time is. */
  givenUp(timeoutMs: number): NamedError {
    this.isGivenUp = true;
    this.connection.close();
    const message = `There was no answer within ${timeoutMs} ms.`;
    if (this.isOnItsWay) return new NamedError(mayBeThere('NO_ANSWER_IN_TIME', message));
    return new NamedError({ name: 'CONNECT_TIMEOUT', message: `${message} Nothing was written.` });
  }

  private readonly goesOut = (): boolean => {
    this.isOnItsWay = !this.isGivenUp;
    return this.isOnItsWay;
  };
}

const mayBeThere = (name: string, why: string, code?: number): NamedFailure => ({
  ...{ name, code },
  message: `${why}${why.endsWith('.') ? '' : '.'} The record may have been written.`,
});

function blockFor({ customerExternalId, id }: OpenDestination): Block {
  const event = {
    eventType: testEventType,
    occurredAt: new Date().toISOString(),
    source: 'causeway',
    customerExternalId,
    payload: { message: 'A test of the connection: it may be ignored.', ...(id !== '' && { destinationId: id }) },
  };
  const value = new TextEncoder().encode(JSON.stringify(event));
  const entry = { id: randomBytes(16).toString('base64url'), key: customerExternalId, value };
  return blockOf([entry], Date.now(), 0);
}
