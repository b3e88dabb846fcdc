import { z } from '@hono/zod-openapi';
import { compressions, type ProducerSettings } from '../../domain/destination.ts';
import { fieldsOf, wholeNumber, yesOrNo } from './text.ts';

const lingerMs = () =>
  wholeNumber(0, 5_000, 'ms').openapi({
    description: "For how long records are gathered into one request, counted from the event's acceptance.",
  });
const batchSizeBytes = () =>
  wholeNumber(1, 10_485_760, 'bytes').openapi({ description: 'A request is sent as soon as it holds this much.' });

const acksExpected =
  '"all": a record counts as delivered once every in-sync replica has it; or 1, with "mayLoseRecords": true';
const acks = () =>
  z.union([z.literal('all'), z.literal(1)], { error: acksExpected }).openapi({
    description:
      '`"all"`: a record counts as delivered once every in-sync replica has it. `1`: once the leader has it; a record that only a leader had which is gone is lost, and its delivery has been reported. So `1` needs `"mayLoseRecords": true` beside it.',
  });
const mayLoseRecords = () =>
  yesOrNo().openapi({
    description: 'Says that records may be lost, without which `acks` other than `"all"` is refused.',
  });

const compression = () =>
  z.enum(compressions, { error: `one of ${compressions.join(', ')}` }).openapi({
    description:
      'How records are compressed, all of a request for one partition together; consumers unpack them by themselves. Where that makes them no smaller they go as they are. `zstd` needs brokers of Kafka 2.1 or later.',
  });

/** What is wrong with producer settings of which each is right for itself. */
export function acksProblem({ acks, mayLoseRecords }: Pick<ProducerSettings, 'acks' | 'mayLoseRecords'>) {
  if (acks === 'all' || mayLoseRecords === true) return undefined;
  return { field: 'acks', problem: 'may lose records', expected: acksExpected };
}

/** `producer` of a new destination. */
export const newProducerSchema = () =>
  fieldsOf({
    lingerMs: lingerMs().default(100),
    batchSizeBytes: batchSizeBytes().default(1_048_576),
    acks: acks().default('all'),
    mayLoseRecords: mayLoseRecords().optional(),
    compression: compression().default('none'),
  }).superRefine((producer, context) => {
    const found = acksProblem(producer);
    if (!found) return;
    const { field, problem, expected } = found;
    context.addIssue({ code: 'custom', path: [field], message: expected, params: { problem } });
  });

/** `producer` in a change: what is absent stays. */
export const producerChangeSchema = () =>
  fieldsOf({
    lingerMs: lingerMs().optional(),
    batchSizeBytes: batchSizeBytes().optional(),
    acks: acks().optional(),
    mayLoseRecords: mayLoseRecords().optional(),
    compression: compression().optional(),
  });

/** `producer` as it is shown. */
export const shownProducerSchema = () =>
  z.object({
    ...{ lingerMs: z.int(), batchSizeBytes: z.int(), acks: acks() },
    mayLoseRecords: z.boolean().optional(),
    compression: compression(),
  });
