import { expect, test } from 'vitest';
import { meaningOf, purposeOf, stacksIn, summed } from '../../bench/temporalProfile/stacks.ts';

/** As `go tool pprof -traces -unit=ms` prints them. */
const printed = `File: temporal
Type: cpu
Time: Nov 29, 2026 at 5:50pm (UTC)
Duration: 20.10s, Total samples = 24.53s (122.02%)
-----------+-------------------------------------------------------
     120ms   runtime.memmove
             modernc.org/sqlite/lib._sqlite3VdbeExec
             github.com/jmoiron/sqlx.(*Tx).ExecContext (inline)
             go.temporal.io/server/service/history.(*Handler).RespondWorkflowTaskCompleted
             go.temporal.io/server/api/historyservice/v1._HistoryService_RespondWorkflowTaskCompleted_Handler
             google.golang.org/grpc.(*Server).handleStream
-----------+-------------------------------------------------------
      10ms   runtime.mallocgc
             google.golang.org/protobuf/proto.Marshal
             go.temporal.io/server/service/history.(*transferQueueActiveTaskExecutor).Execute
             go.temporal.io/server/service/history/queues.(*executableImpl).Execute
-----------+-------------------------------------------------------
   1500ms   runtime.scanobject
             runtime.gcDrain
             runtime.gcBgMarkWorker
-----------+-------------------------------------------------------
      20ms   runtime.futex
             runtime.findRunnable
             runtime.mcall
`;

test('the stacks of a profile are read with their times, however they are written', () => {
  const stacks = stacksIn(printed);
  expect(stacks.map(({ ms }) => ms)).toEqual([120, 10, 1_500, 20]);
  expect(stacks[0]?.functions).toContain('github.com/jmoiron/sqlx.(*Tx).ExecContext');
  const inSeconds = stacksIn('-----------+----\n     1.20s   main.main\n');
  expect(inSeconds).toEqual([{ ms: 1_200, functions: ['main.main'] }]);
});

test('the innermost function that means something says what the work was, and the outermost one whom it was for', () => {
  const stacks = stacksIn(printed);
  expect(summed(stacks, meaningOf)).toEqual([
    ['garbage collector', 1_500],
    ['SQLite', 120],
    ['goroutines: scheduler, timers, locks', 20],
    ['protobuf', 10],
  ]);
  expect(stacks.map(purposeOf)).toEqual([
    'history: RespondWorkflowTaskCompleted',
    'history: transfer queue',
    'garbage collector',
    'goroutines: scheduler, timers, locks',
  ]);
});
