import type { Kind } from '../domain/failures.ts';

/** An example of the design's table of failures, and the test in which it is met. */
export type FailureProof = {
  kind: Kind;
  example: string;
  /** In `test/integration/`; and what the test's name begins with. */
  file: string;
  test: string;
  /** Who gives the error there, where that is not a real broker; and why. */
  givenBy?: string;
};

const notOfBroker = (givenBy: string): { givenBy: string } => ({ givenBy });

/** All of them, by kind, in the design's order; `test/unit/failures-page.test.ts` looks for each test. */
export const failureProofs: readonly FailureProof[] = [
  {
    ...{ kind: 'transient', example: '`NOT_ENOUGH_REPLICAS`', file: 'replicas.test.ts' },
    test: 'a replica that stands still',
  },
  {
    ...{ kind: 'transient', example: '`ECONNREFUSED`', file: 'event-log.test.ts' },
    test: 'while the broker is away the event is retrying',
  },
  {
    ...{ kind: 'transient', example: 'DNS `EAI_AGAIN`', file: 'real-broker.test.ts', test: 'EAI_AGAIN' },
    ...notOfBroker("the machine's resolver, whose name server does not answer"),
  },
  {
    ...{ kind: 'transient', example: 'throttling', file: 'refusals.test.ts' },
    test: 'a quota of the broker makes delivery slow',
  },
  {
    // The design has it as transient; but a leader that has appended may answer so (docs/architecture.md, "What has surprised us").
    ...{ kind: 'outcomeUnknown', example: '`NOT_LEADER_OR_FOLLOWER`', file: 'replicas.test.ts' },
    test: 'leaders that move under a load',
  },
  {
    ...{ kind: 'outcomeUnknown', example: '`REQUEST_TIMED_OUT`', file: 'replicas.test.ts' },
    test: 'a replica that stands still',
  },
  {
    ...{ kind: 'outcomeUnknown', example: 'a connection lost with the request in flight', file: 'event-log.test.ts' },
    test: 'an attempt whose connection was lost with the request in flight',
  },
  {
    ...{ kind: 'outcomeUnknown', example: '`NOT_ENOUGH_REPLICAS_AFTER_APPEND`', file: 'no-false-success.test.ts' },
    test: 'one partition has too few once it was written',
    ...notOfBroker(
      'kfake: since KIP-966 a real leader with too few replicas in sync confirms nothing, and gives `REQUEST_TIMED_OUT`',
    ),
  },
  {
    ...{ kind: 'outcomeUnknown', example: 'a killed worker', file: 'event-log.test.ts' },
    test: 'an attempt whose worker was killed while it was under way',
  },
  {
    ...{ kind: 'destinationAtFault', example: '`TOPIC_AUTHORIZATION_FAILED`', file: 'keeper.test.ts' },
    test: 'lanes without the right to write are suspended',
  },
  {
    ...{ kind: 'destinationAtFault', example: '`SASL_AUTHENTICATION_FAILED`', file: 'keeper.test.ts' },
    test: 'lanes with %s are suspended after a minute',
  },
  {
    ...{ kind: 'destinationAtFault', example: '`UNKNOWN_TOPIC_OR_PARTITION`', file: 'refusals.test.ts' },
    test: 'UNKNOWN_TOPIC_OR_PARTITION: lanes of a topic that never was',
  },
  {
    ...{ kind: 'destinationAtFault', example: 'certificate expired', file: 'refusals.test.ts' },
    test: 'CERT_HAS_EXPIRED',
  },
  {
    ...{ kind: 'destinationAtFault', example: 'certificate unknown', file: 'refusals.test.ts' },
    test: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  },
  {
    ...{ kind: 'destinationAtFault', example: 'OAuth `invalid_client`', file: 'oauth.test.ts' },
    test: 'a wrong client secret',
    ...notOfBroker('a real token server, which the real broker trusts'),
  },
  {
    ...{ kind: 'destinationAtFault', example: 'address refused by policy', file: 'real-broker.test.ts' },
    test: 'a broker at an address that our policy refuses',
    ...notOfBroker('us, before a real broker is connected to'),
  },
  {
    ...{ kind: 'recordAtFault', example: '`MESSAGE_TOO_LARGE`', file: 'refusals.test.ts', test: 'MESSAGE_TOO_LARGE' },
  },
  {
    ...{ kind: 'recordAtFault', example: '`INVALID_RECORD`', file: 'real-broker.test.ts', test: 'INVALID_RECORD' },
  },
  {
    ...{
      kind: 'recordAtFault',
      example: '`POLICY_VIOLATION`',
      file: 'failure-table.test.ts',
      test: 'Produce is answered',
    },
    ...notOfBroker('kfake: no policy of Kafka 4.1 itself looks at records'),
  },
];
