import { afterAll, beforeAll, inject } from 'vitest';
import { type TestKafka, testKafka } from './kafka.ts';
import { type TestProduce, testProduce } from './produceActivity.ts';
import { sharedTemporal, type TestTemporal } from './temporal.ts';

/** A produce activity for a file's tests, and the Kafka that all tests share; there while tests run. */
export function sharedProduce(): { readonly kafka: TestKafka; readonly produce: TestProduce } {
  let there: { kafka: TestKafka; temporal: TestTemporal; produce: TestProduce } | undefined;
  beforeAll(async () => {
    const temporal = await sharedTemporal();
    there = { temporal, kafka: testKafka(inject('servers').kafka.brokers), produce: testProduce(temporal) };
  });
  afterAll(async () => {
    there?.produce.close();
    await Promise.all([there?.kafka.stop(), there?.temporal.stop()]);
  });
  const running = () => {
    if (!there) throw new Error('No test runs.');
    return there;
  };
  return {
    get kafka() {
      return running().kafka;
    },
    get produce() {
      return running().produce;
    },
  };
}
