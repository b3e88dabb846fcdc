/** The first three stand behind our own producer; the last two are what the packages call a producer, for comparison. */
export const clientNames = {
  kafkajs: 'kafkajs, as the road has it (our record batches)',
  platformatic: '@platformatic/kafka in its place, our record batches',
  'platformatic-own': '@platformatic/kafka in its place, its own record batches',
  'kafkajs-producer': "kafkajs's own producer",
  'platformatic-producer': "@platformatic/kafka's own producer",
} as const;
export type ClientName = keyof typeof clientNames;

export type ClientJob = {
  client: ClientName;
  brokers: string[];
  topic: string;
  partitions: number;
  /** So many submit at once, each as soon as it was answered, as lanes do. */
  lanes: number;
  recordsEach: number;
  lingerMs: number;
  seconds: number;
};
export type Written = { claimed: number; refused: number; seconds: number; cpuSeconds: number; firstError?: string };
export type ClientMethods = { write(job: ClientJob): Promise<Written> };
