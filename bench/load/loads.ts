/** How events are POSTed: so many in a POST, on so many connections, each waiting for its answer before the next. */
export type Load = { id: string; title: string; eventsPerPost: number; connections: number };

export const batches: Load = {
  id: 'batches',
  title: 'batches of 200, 16 connections',
  eventsPerPost: 200,
  connections: 16,
};
export const singles512: Load = {
  id: 'singles-512',
  title: 'single POSTs, 512 connections',
  eventsPerPost: 1,
  connections: 512,
};
export const singles64: Load = {
  id: 'singles-64',
  title: 'single POSTs, 64 connections',
  eventsPerPost: 1,
  connections: 64,
};
/** At a rate that the load's pace gives. */
export const steady: Load = {
  id: 'steady',
  title: 'single POSTs at a steady rate',
  eventsPerPost: 1,
  connections: 64,
};

export const threeLoads: readonly Load[] = [batches, singles512, singles64];
