/** `docs/failures.md`, made from the failure table: `node --import tsx dev/failuresPage.ts` writes it. */
import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { clientRows, type FailureRow, failureRowOf, type Kind, ownRows } from '../domain/failures.ts';
import { kafkaRows } from '../domain/kafkaErrors.ts';
import { failureProofs } from './failureProofs.ts';

const kinds: Record<Kind, string> = {
  transient: 'transient',
  outcomeUnknown: 'outcome unknown',
  destinationAtFault: 'destination at fault',
  recordAtFault: 'record at fault',
};

const minuteMs = 60_000;

function lastingOf({ lasting }: FailureRow): string {
  if (!lasting) return '';
  const minutes = lasting.ms / minuteMs;
  const time = lasting.ms === 0 ? '' : ` over ${minutes} minute${minutes === 1 ? '' : 's'}`;
  return `${kinds[lasting.kind]} after ${lasting.tries} tries${time}`;
}

const ends = {
  probe: 'by itself',
  rights: 'by itself, where the broker tells of our rights',
  change: 'once the destination is changed',
} as const;

/** What ends the suspension, beside `resume` and `replay`. */
const endOf = ({ kind, lasting, mendedBy }: FailureRow): string =>
  [kind, lasting?.kind].includes('destinationAtFault') ? ends[mendedBy ?? 'change'] : '';

const cell = (text: string): string => text.replaceAll('|', '\\|');

function tableOf(rows: readonly FailureRow[], hasCodes: boolean): string {
  const columns = [...(hasCodes ? ['code'] : []), 'error', 'at first', 'when it lasts', 'goes on', 'why', 'remedy'];
  const lines = rows.map((row) =>
    [
      ...(hasCodes ? [String(row.code)] : []),
      `\`${row.name}\``,
      kinds[row.kind],
      lastingOf(row),
      endOf(row),
      row.why,
      row.remedy,
    ].map(cell),
  );
  return [columns, columns.map(() => '---'), ...lines].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

/** Where the design's examples are met. */
function tableOfProofs(): string {
  const head = ['kind', 'example', 'test in `test/integration/`', 'given by'];
  const lines = failureProofs.map(({ kind, example, file, test, givenBy = 'a real broker' }) =>
    [kinds[kind], example, `\`${file}\`: "${test} …"`, givenBy].map(cell),
  );
  return [head, head.map(() => '---'), ...lines].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

const unlisted = failureRowOf('an error that nobody listed');

/** The page, as it must lie in docs/. */
export const failuresPage = (): string => `# What each failure means

Made from \`domain/kafkaErrors.ts\` and \`domain/failures.ts\` by \`dev/failuresPage.ts\`; \`test/unit/failures-page.test.ts\` fails where the two
differ.

| kind | what happens to the events |
| --- | --- |
| transient | The lane tries again, in order, for as long as it takes. |
| outcome unknown | The same, and the attempt is on record as \`unknown\`: the record may be there twice. |
| destination at fault | The lane is \`suspended\`: it keeps its events, takes new ones, and tries nothing until it is mended or told to (\`resume\`, \`replay\`). |
| record at fault | The record is parked, and the others go on. \`replay\` sends it again, \`discard\` gives it up. |

"When it lasts" is for errors that also occur in passing: the same error in so many tries in a row, and for so long, both. "Goes on" says
what lets a suspended lane go on beside \`resume\` and \`replay\`: *by itself* once a probe goes through, for the probe would have met the error too;
where only a write meets it, once the destination is changed and the probe goes through ([keeper](decisions/keeper.md)). An error that
was met before anything of the records was sent (on the way in, in a login, in a question for metadata) leaves nothing unknown: it is
transient where the table has "outcome unknown". An error that is in no table is transient, and ${lastingOf(unlisted)}; the worker's log
has it under its own name. \`DUPLICATE_SEQUENCE_NUMBER\` (46) is success: the broker has the batch.

Each row is tested with the real produce activity: Kafka's against a broker that answers each code on order
(\`test/integration/failure-table.test.ts\`), the client's and our own against servers that cause them (\`client-errors.test.ts\`,
\`oauth.test.ts\`, \`compression.test.ts\`). The system gives ENETUNREACH for the loopback's broadcast address, EPIPE to who connects to a broker that closes and resets the
connection at once, ETIMEDOUT and EHOSTUNREACH in a network namespace of Linux (that test is skipped where the system allows none); in a system's usual
settings we give up before it says ETIMEDOUT, with CONNECT_TIMEOUT or NO_ANSWER_IN_TIME. INVALID_CA alone is tested by name: of an issuer that is no authority
OpenSSL says INVALID_PURPOSE. The design's examples are given by a real broker (4.1) in these:

${tableOfProofs()}

## Kafka's errors

Codes and names: https://kafka.apache.org/protocol#protocol_error_codes. Codes that no request of a producer is answered with have no row;
one that comes all the same is an error that nobody listed.

${tableOf(kafkaRows, true)}

## The client's errors

Names as Node.js gives them (https://nodejs.org/api/errors.html#common-system-errors, https://nodejs.org/api/dns.html#error-codes,
https://nodejs.org/api/tls.html#x509-certificate-error-codes), or ours where it has none. What a token endpoint refuses: https://www.rfc-editor.org/rfc/rfc6749#section-5.2; and a broker that is shown a
token: https://www.rfc-editor.org/rfc/rfc7628#section-3.2.2.

${tableOf(clientRows, false)}

## Our own

${tableOf(ownRows, false)}

What is our own fault and not the customer's (${ownRows
  .filter(({ isOurs }) => isOurs)
  .map(({ name }) => `\`${name}\``)
  .join(', ')}) is an error with the field \`alarm\` in the worker's log.
`;

const page = fileURLToPath(new URL('../docs/failures.md', import.meta.url));
if (process.argv[1] === fileURLToPath(import.meta.url)) await writeFile(page, failuresPage());
