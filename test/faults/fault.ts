import type { Effect } from './judge/effects.ts';
import type { SteadyLoad } from './load/steadyLoad.ts';
import type { Stand } from './stand/stand.ts';
import type { Target } from './stand/target.ts';
import type { TopicRecords } from './stand/topicRecords.ts';

/** What a fault works on. */
export type Ground = {
  stand: Stand;
  target: Target;
  load: SteadyLoad;
  /** Names the events of the load. */
  tag: string;
  records: TopicRecords;
  form: Form;
  /** 0 for the first time that the fault is injected. */
  round: number;
  /** Events that were parked. */
  parked: number;
};

/**
 * Which way the target's records go: straight, through the proxy, as a principal whose rights can be taken away, or to three
 * brokers.
 */
export type Road = 'straight' | 'proxied' | 'withRights' | 'cluster';

/** How a broker is told who we are: not at all, over plaintext; with SCRAM-SHA-512 over TLS; with a client certificate. */
export const faultAuths = ['none', 'scram', 'mtls'] as const;
export type FaultAuth = (typeof faultAuths)[number];

/** What is under the worker's producers: the client that Causeway has, or the one that it was held against (docs/decisions/kafka-client.md). */
export const faultClients = ['kafkajs', 'platformatic'] as const;
export type FaultClient = (typeof faultClients)[number];

export type Form = 'short' | 'full';

export type Fault = {
  /** For `--only`. */
  name: string;
  /** What is done, for the table. */
  title: string;
  times: Readonly<Record<Form, number>>;
  /** From its injection until it is healed, in ms. */
  lastsMs: Readonly<Record<Form, number>>;
  road: Road;
  /** Lanes go on within so many ms, counted as `docs/reliability.md` says, on a quiet machine; and why it is not less. */
  goesOn: { withinMs: number; why: string };
  /** What shows that it did harm; absent where it does none. */
  effect?: Effect;
  /** Another process is there already, and takes over. */
  isTakenOver?: true;
  /** How many workers run from the start. */
  workers: 1 | 2;
  /** More settings of the topic. */
  topicConfig?: Record<string, string>;
  inject(ground: Ground): Promise<void>;
  heal(ground: Ground): Promise<void>;
};

/** What the issue promises where nothing else has to run out: three seconds. */
export const promised: Fault['goesOn'] = { withinMs: 3_000, why: 'what is promised: three seconds' };

/** The same length in both forms. */
export const always = (ms: number): Fault['lastsMs'] => ({ short: ms, full: ms });
