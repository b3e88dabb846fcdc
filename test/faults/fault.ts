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
  /** Another process is there already, and takes over. */
  isTakenOver?: true;
  /** How many workers run from the start. */
  workers: 1 | 2;
  /** More settings of the topic. */
  topicConfig?: Record<string, string>;
  inject(ground: Ground): Promise<void>;
  heal(ground: Ground): Promise<void>;
};

/** The same length in both forms. */
export const always = (ms: number): Fault['lastsMs'] => ({ short: ms, full: ms });
