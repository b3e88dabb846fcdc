/** A worker as worker/main.ts has it, with `@platformatic/kafka` under its producers: `npm run test:faults -- --client platformatic`. */
import { runWorker } from '../../worker/runWorker.ts';
import { platformaticBrokers } from './platformaticBroker.ts';

runWorker({ brokers: platformaticBrokers('ours') });
