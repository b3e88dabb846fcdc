import type { ConnectionTest, TestStep } from '../../api/types.ts';
import { Loading } from '../../pieces/loading.tsx';
import { Alert } from '../../pieces/problem.tsx';
import { duration } from '../../pieces/time.tsx';

const names: Readonly<Record<TestStep['step'], string>> = {
  resolve: 'Find the address',
  connect: 'Connect',
  tls: 'TLS',
  authenticate: 'Authenticate',
  topic: 'Find the topic',
  leaders: "Reach its partitions' leaders",
  write: 'May we write?',
  testEvent: 'Write a test record',
};

const outcomes = {
  ok: { mark: '✓', word: 'OK' },
  failed: { mark: '!', word: 'Failed' },
  skipped: { mark: '–', word: 'Skipped' },
} as const;

/** A connection test, step by step, with what would mend each that failed. */
export function TestSteps({ test, running }: { test: ConnectionTest | undefined; running: boolean }) {
  if (running) return <Loading lines={8} label="Testing the connection, for at most 15 seconds" />;
  if (test === undefined) return undefined;
  return (
    <div className="stack-small">
      <div role="status">
        {test.passed ? (
          <Alert kind="good" title="The test passed">
            Events can be delivered, as far as that can be known.
          </Alert>
        ) : (
          <Alert kind="bad" title="The test failed">
            The first step that failed says what would mend it.
          </Alert>
        )}
      </div>
      <ol className="steps" aria-label="Steps of the test">
        {test.steps.map((step) => (
          <Step key={`${step.step} ${step.broker}`} step={step} />
        ))}
      </ol>
    </div>
  );
}

function Step({ step: { step, outcome, broker, durationMs, detail, error } }: { step: TestStep }) {
  const { mark, word } = outcomes[outcome];
  return (
    <li className={outcome}>
      <span className="mark" aria-hidden="true">
        {mark}
      </span>
      <div className="wrap">
        <b>{names[step]}</b> <span className="sr">{word}</span>
        {broker !== undefined && <span className="dim small"> {broker}</span>}
        {detail !== undefined && <div className="dim small">{detail}</div>}
        {error !== undefined && (
          <div>
            <span className="mono">{error.name}</span>: {error.message}
            <div className="dim">{error.why}</div>
            <div>
              <b>What mends it:</b> {error.remedy}
            </div>
          </div>
        )}
      </div>
      <span className="dim small">{outcome === 'skipped' ? word : duration(durationMs)}</span>
    </li>
  );
}
