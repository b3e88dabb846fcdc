import type { OpenDestination } from '../../domain/destination.ts';
import { LingeringProducer } from './lingeringProducer.ts';
import { type BrokerClients, TopicConnection } from './topicConnection.ts';

/** Connections that nobody used for this long are closed, in ms: brokers do the same after ten minutes. */
const idleMsMax = 5 * 60_000;
const sweepEveryMs = 30_000;
/**
 * So many are kept at the most, beside those that have a batch in hand or had one just now. Each has a connection for metadata and one
 * for each leader it wrote to; to make them anew takes a few round trips.
 */
export const keptMax = 500;
/** Not gone sooner, in ms: what was changed is known to all of this process by then, and nobody comes with older settings. */
export const keptMsMin = 10_000;

/** One producer for each destination, made anew when the destination changes. */
export class ProducerPool {
  /** The longest unused first. */
  private readonly producers = new Map<string, LingeringProducer>();
  /** Of earlier versions, with batches that are finished with them. */
  private retired: { id: string; producer: LingeringProducer }[] = [];
  private readonly usualPlaces = { taken: 0 };
  private readonly sweeper = setInterval(() => this.sweep(), sweepEveryMs).unref();

  /** `brokers`: another client than the usual one. */
  constructor(private readonly brokers?: BrokerClients) {}

  producerOf(destination: OpenDestination): LingeringProducer {
    const known = this.producers.get(destination.id);
    // A lane that read the destination before it was changed must not bring the old settings back for the others.
    if (known && known.version >= destination.version) {
      known.usedAtMs = Date.now();
      this.producers.delete(destination.id);
      this.producers.set(destination.id, known);
      return known;
    }
    // Batches that are being sent with the old one are finished with it.
    if (known) this.retire(destination.id, known);
    const { version, producer } = destination;
    const topic = new TopicConnection(destination, this.brokers);
    const made = new LingeringProducer(version, topic, producer.batchSizeBytes, this.usualPlaces);
    this.producers.delete(destination.id);
    this.producers.set(destination.id, made);
    if (this.producers.size > keptMax) this.dropLongestUnused(made);
    return made;
  }

  get size(): number {
    return this.producers.size;
  }

  /** Whether nothing is sent with an earlier version of the destination any more, nor will be; it is replaced where that is to be done. */
  hasLetGoBefore(destination: OpenDestination): boolean {
    this.producerOf(destination);
    this.retired = this.retired.filter(({ producer }) => !producer.isOver);
    return !this.retired.some(({ id, producer }) => id === destination.id && producer.version < destination.version);
  }

  close(): void {
    clearInterval(this.sweeper);
    for (const producer of this.producers.values()) producer.retire();
    this.producers.clear();
  }

  private retire(id: string, producer: LingeringProducer): void {
    producer.retire();
    if (!producer.isOver) this.retired.push({ id, producer });
  }

  private dropLongestUnused(but: LingeringProducer): void {
    for (const [id, producer] of this.producers) {
      if (this.producers.size <= keptMax) return;
      if (producer === but || !producer.isIdle || Date.now() - producer.usedAtMs < keptMsMin) continue;
      producer.retire();
      this.producers.delete(id);
    }
  }

  private sweep(): void {
    for (const [id, producer] of this.producers) {
      if (!producer.isIdle || Date.now() - producer.usedAtMs < idleMsMax) continue;
      producer.retire();
      this.producers.delete(id);
    }
    this.retired = this.retired.filter(({ producer }) => !producer.isOver);
  }
}
