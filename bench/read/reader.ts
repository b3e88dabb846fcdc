/** The process that reads the records back. */
import { serve } from '../child/serve.ts';
import { type Arrivals, type AwaitJob, Reading, type ReadJob } from './reading.ts';

export type ReaderMethods = {
  open(job: ReadJob): Promise<void>;
  arrivals(job: AwaitJob): Promise<Arrivals>;
  close(nothing: undefined): Promise<void>;
};

let reading: Reading | undefined;

serve<ReaderMethods>({
  open: async (job) => {
    reading = await Reading.open(job);
  },
  arrivals: async (job) => {
    if (!reading) throw new Error('open() comes before arrivals()');
    return await reading.arrivals(job);
  },
  close: async () => {
    await reading?.close();
    reading = undefined;
  },
});
